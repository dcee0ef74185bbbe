"""The user's own rules: `[[rule]]`. Pure."""

from resolver.policy.book import View
from resolver.policy.refusal import give_addresses, give_name, refuse
from resolver.policy.verdict import Cause, Ground, Say
from resolver.policy_settings import Rule
from resolver.values import Query


def judge(query: Query, ground: Ground) -> Say | None:
    """What the rules answer in place of others. A rule that allows takes away those that block, and lists; not those that
    answer otherwise or say where to ask."""
    view = ground.book.view(query.group)
    found = view.match(query.name, query.rrtype)
    if not found:
        return None
    blocking = 0 if view.allows(found) else view.blocking(found)
    if blocking:
        return _block(query, view, blocking)
    rewriting = view.rewriting(found)
    return _rewrite(query, view, rewriting, query.name) if rewriting else None


def inspect_name(query: Query, name: bytes, view: View, *, made: bool) -> Say | None:
    """What rules say of a name that the answer to `query` leads to. `made`: a rule led to it, which is not done twice."""
    found = view.match(name, query.rrtype)
    if blocking := view.blocking(found):
        return _block(query, view, blocking, name)
    rewriting = 0 if made else view.rewriting(found)
    return _rewrite(query, view, rewriting, name) if rewriting else None


def _rewrite(query: Query, view: View, rewriting: int, name: bytes) -> Say | None:
    rule = view.table.first(rewriting)
    zone = view.table.zone(rule, name) if name == query.name else query.name
    cause = cause_of(rule, blocks=False)
    if rule.target:
        # A name in its own tree would lead to itself for ever: the rule is about all others.
        return None if rule.target in (name, query.name) else give_name(query, rule.target, cause, zone)
    return give_addresses(query, rule.addresses, cause, zone)


def _block(query: Query, view: View, blocking: int, name: bytes = b"") -> Say:
    rule = view.table.first(blocking)
    zone = query.name if name else view.table.zone(rule, query.name)
    return refuse(query, rule.refusal, cause_of(rule, blocks=True), zone)


def cause_of(rule: Rule, *, blocks: bool) -> Cause:
    """How an answer calls its rule."""
    return Cause(rule=rule.name, blocks=blocks, own=bool(rule.groups))
