"""The validators of one generation of settings, one for each way that questions go, and what a validated answer becomes."""

from collections import Counter
from dataclasses import replace

from resolver.compose import compose
from resolver.dnssec.clock import Undated
from resolver.dnssec.keys import DEFAULT, WITHOUT_SHA1
from resolver.dnssec.memory import TrustMemory
from resolver.dnssec.recent import Recent
from resolver.dnssec.scope import anchors_for, root_tags
from resolver.dnssec.security import Checked, Security
from resolver.dnssec.sentinel import must_fail
from resolver.dnssec.signature import UNDATED
from resolver.dnssec.validate import Validator
from resolver.pipeline import TOO_LONG, Heard, Silent
from resolver.settings import CacheSettings, ResolverSettings
from resolver.values import Explanation, Query
from wire.dns.codes import ExtendedError, QueryFlag
from wire.errors import Malformed

TOLD = frozenset(
    {
        ExtendedError.UNSUPPORTED_DNSKEY_ALGORITHM,
        ExtendedError.UNSUPPORTED_DS_DIGEST,
        ExtendedError.UNSUPPORTED_NSEC3_ITERATIONS,
    }
)
"""Why an answer is insecure, where its zone did mean to be secure: clients are told. That the administrator does not validate
a zone is told by `explain`."""

SENTINEL = Silent(Explanation(ExtendedError.OTHER, "the name says what is not so of the root's keys (RFC 8509)"))

UNPROVED_PAUSE = 30.0
"""Seconds for which what was found forged, or too dear to prove, is not tried again (RFC 9520 §3.2)."""

_new = tuple.__new__
"""See `wire/dns/message.py`."""
_CD = int(QueryFlag.CD)
_COUNTERS = tuple(f"dnssec-{security.name.lower()}" for security in sorted(Security))
"""By the number of the security."""

_UNUSABLE = (Security.BOGUS, Security.INDETERMINATE)
_UNPROVED = Explanation(ExtendedError.DNSSEC_INDETERMINATE, "it cannot be proved")


class Validators:
    """One validator for each upstream group and each iteration; a way that stays as it was keeps what it has learned."""

    def __init__(self, counters: Counter[str]) -> None:
        self._counters = counters
        self._ways: list[tuple[object, Validator]] = []
        self._root_tags: frozenset[int] = frozenset()
        self._sources: frozenset[bytes] = frozenset()
        self._undated: dict[int, Undated] = {}

    def use(self, settings: ResolverSettings) -> None:
        """Take these settings."""
        self._root_tags = root_tags(settings.dnssec)
        self._sources = frozenset(settings.dnssec.time_sources)
        self._undated = {}
        former, policy = self._ways, DEFAULT if settings.dnssec.sha1_signatures else WITHOUT_SHA1
        self._ways = []
        for place, way in enumerate((*settings.upstream_groups, *settings.iterations)):
            anchors = anchors_for(settings, place)
            known = (v for one, v in former if one == way and v.anchors == anchors and v.policy is policy)
            made = next(known, None) or Validator(anchors, TrustMemory(), policy, prover=Recent())
            self._ways.append((way, made))

    def at(self, place: int) -> Validator:
        """The validator of the way at an index of a route."""
        return self._ways[place][1]

    def undated(self, place: int) -> Undated:
        """The same while the clock is wrong: with a memory of its own, which is gone with `forget_undated`."""
        found = self._undated.get(place)
        if found is None:
            found = self._undated[place] = Undated(self._ways[place][1].anchors, self._sources)
        return found

    def forget_undated(self) -> None:
        """The clock is right, or wrong anew."""
        self._undated = {}

    def flush(self, suffix: bytes) -> None:
        """Forget keys and delegations at or below `suffix`."""
        for _, validator in self._ways:
            validator.memory.flush(suffix)

    def finish(self, query: Query, checked: Checked, limits: CacheSettings) -> Heard | Silent:
        """The answer for the client, or that there is none: nothing is given out that should be signed and is not proved."""
        if not checked.undated:
            return self._finish(query, checked, limits)
        self._counters["clock-time-sources"] += 1
        # For this client only: neither `front` nor the memory keeps it, and clients not for long.
        brief = replace(limits, maximum_ttl=min(limits.maximum_ttl, UNDATED))
        finished = self._finish(query, checked, brief)
        if isinstance(finished, Silent):
            return finished
        return finished._replace(accepted=finished.accepted._replace(keep=0))

    def _finish(self, query: Query, checked: Checked, limits: CacheSettings) -> Heard | Silent:
        security, explanation = checked.security, checked.explanation
        if not query.flags & _CD:
            self._counters[_COUNTERS[security]] += 1
        if security in _UNUSABLE:
            # To try again would be dear, or end in the same way; what could not be had may be had soon.
            dear = security is Security.BOGUS or checked.spent
            return Silent(explanation or _UNPROVED, pause=UNPROVED_PAUSE if dear else 0.0)
        if must_fail(query.name, query.rrtype, security, self._root_tags, checking_disabled=bool(query.flags & _CD)):
            return SENTINEL
        told = explanation if explanation is not None and explanation.code in TOLD else None
        try:
            accepted = compose(query, checked.resolved, limits, security is Security.SECURE, told, checked.valid)
        except Malformed:
            return TOO_LONG
        return _new(Heard, (accepted, checked.server, checked.resolved.onward, checked.learned))
