"""Rules of content blockers as far as DNS can follow them, with the modifiers that AdGuard Home added for DNS; lines of hosts
files and plain domains among them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from privacy.lists.compile import Item
from privacy.lists.entry import Entry, Saying, Scope, Skipped, Trigger
from privacy.lists.formats.hosts import read_host_line
from privacy.lists.formats.masks import Target, read_mask
from privacy.lists.formats.modifiers import Modifier, Rewrite, read_modifiers, split_modifiers
from privacy.lists.formats.text import Answers, Unused, is_address, numbered, quick_name, read_line, strip_comment
from wire.dns.names import is_below

MAX_TAKEN_BACK = 256
"""Rules `@@…$dnsrewrite` of one list: each is held against every rewrite."""

_COSMETIC = re.compile(r"#@?[?$%]*#|\$@?\$")
_EXPRESSION = re.compile(r"(/.+?/)(?:\$(.+))?")


@dataclass(frozen=True, slots=True)
class Rule:
    """A line taken apart, none of it checked."""

    allow: bool
    mask: str
    modifiers: tuple[Modifier, ...]

    @property
    def text(self) -> tuple[bool, str, frozenset[Modifier]]:
        """What is compared for `$badfilter`: all but that."""
        return self.allow, self.mask, frozenset(self.modifiers) - {("badfilter", "")}


@dataclass(frozen=True, slots=True)
class TakenBack:
    """`@@…$dnsrewrite`: this rewrite, or all, is not done for these names."""

    line: int
    target: Target
    rewrite: Rewrite


def read_adblock(text: bytes) -> Iterator[Item]:
    """All rules; rewrites last, since later lines may add to them or take them back."""
    reader = _Reader(text)
    for number, line in numbered(text):
        if line.startswith("||") and line.endswith("^") and reader.is_quick and (name := quick_name(line[2:-1])):
            yield number, name, Scope.TREE
        else:
            yield from read_line(number, line, reader.read)
    yield from reader.finish()


class _Reader:
    def __init__(self, text: bytes) -> None:
        self._off = _switched_off(text) if b"badfilter" in text else {}
        self.is_quick = not self._off
        self._hosts = Answers()
        self._rewrites = Answers()
        self._taken_back: list[TakenBack] = []

    def read(self, number: int, line: str) -> Iterator[Item]:
        """What a line says. Raises Unused."""
        if not line or line[0] in "!#[":
            if line.startswith(("!#include", "!#if")):
                raise Unused("a directive for a list compiler: what it includes has to be fetched as a list")
            return
        if is_address(line.split(maxsplit=1)[0]) and len(line.split()) > 1:
            yield from read_host_line(number, line, self._hosts)
            return
        if _COSMETIC.search(line):
            raise Unused("hides parts of pages: a resolver sees names only")
        rule = split_rule(line)
        if ("badfilter", "") in rule.modifiers:
            return
        if rule.text in self._off:
            raise Unused(f"switched off by line {self._off[rule.text]} ($badfilter)")
        yield from self._use(number, rule)

    def _use(self, number: int, rule: Rule) -> Iterator[Item]:
        if not rule.mask.strip("*") and not rule.modifiers:
            raise Unused("every name would match; who means that writes ||*^")
        conditions = read_modifiers(rule.modifiers)
        plain = not rule.allow and not rule.modifiers
        target = read_mask(rule.mask or "*", plain)
        saying = Saying.ALLOW if rule.allow else Saying.BLOCK
        entry = Entry(
            target.trigger,
            saying,
            number,
            target.name,
            target.scope,
            target.pattern,
            target.network,
            conditions.important,
            conditions.types,
            conditions.other_types,
            conditions.excepted,
        )
        if conditions.rewrite is not None:
            self._rewrite(entry, TakenBack(number, target, conditions.rewrite))
        elif target.trigger is Trigger.NAME and plain:
            yield number, target.name, target.scope
        else:
            yield entry

    def _rewrite(self, entry: Entry, rule: TakenBack) -> None:
        if entry.saying is not Saying.ALLOW:
            # A rewrite counts more than `@@` (AdGuard's rule), so it is important by itself.
            said = rule.rewrite.saying
            saying = Saying.NODATA if said is None else said
            self._rewrites.add(replace(entry, saying=saying, records=rule.rewrite.records, important=True))
        elif len(self._taken_back) < MAX_TAKEN_BACK:
            self._taken_back.append(rule)
        else:
            raise Unused(f"more than {MAX_TAKEN_BACK} rules @@…$dnsrewrite")

    def finish(self) -> Iterator[Item]:
        """Hosts and rewrites with their records, after all lines."""
        yield from self._hosts.entries()
        used: set[int] = set()
        for entry in self._rewrites.entries():
            left: Entry | None = entry
            for rule in self._taken_back:
                before = left
                left = left and take_back(left, rule)
                if left is not before:
                    used.add(rule.line)
            if left is not None:
                yield left
        for rule in self._taken_back:
            if rule.line not in used:
                yield Skipped(rule.line, "takes back no rewrite of this list")


def split_rule(line: str) -> Rule:
    """A rule taken apart: `@@`, mask, modifiers."""
    allow = line.startswith("@@")
    line = line[2:] if allow else line
    if found := _EXPRESSION.fullmatch(line):
        return Rule(allow, found[1], split_modifiers(found[2]) if found[2] else ())
    mask, _, modifiers = strip_comment(line, "").partition("$")
    return Rule(allow, mask.strip(), split_modifiers(modifiers) if modifiers else ())


def take_back(entry: Entry, rule: TakenBack) -> Entry | None:
    """The rewrite without what `rule` takes back of it; None if nothing is left; the same object if it is about others."""
    target = rule.target
    same = Target(entry.trigger, entry.name, entry.scope, entry.pattern, entry.network) == target
    tree = target.trigger is Trigger.NAME and target.scope is Scope.TREE
    if same or (tree and entry.trigger is Trigger.NAME and is_below(entry.name, target.name)):
        return _without(entry, rule.rewrite)
    inside = entry.trigger is Trigger.PATTERN or (
        entry.trigger is Trigger.NAME and entry.scope is not Scope.EXACT and is_below(target.name, entry.name)
    )
    if tree and inside and rule.rewrite.saying is None:
        return replace(entry, excepted=(*entry.excepted, target.name))
    return entry


def _without(entry: Entry, rewrite: Rewrite) -> Entry | None:
    if rewrite.saying is None:
        return None
    if rewrite.saying is not entry.saying:
        return entry
    left = tuple(record for record in entry.records if record not in rewrite.records)
    if not left:
        return None
    return entry if left == entry.records else replace(entry, records=left)


def _switched_off(text: bytes) -> dict[tuple[bool, str, frozenset[Modifier]], int]:
    """The rules that `$badfilter` names, and the line that does."""
    found = {}
    for number, line in numbered(text):
        if "badfilter" in line and not line.startswith(("!", "#")):
            rule = split_rule(line.strip())
            if ("badfilter", "") in rule.modifiers:
                found[rule.text] = number
    return found
