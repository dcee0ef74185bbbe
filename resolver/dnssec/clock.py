"""What is done while the clock cannot be right. Pure: what it shows is an argument.

Signatures have times, so a validator needs the date; the date comes from servers of time; their names are validated. A machine
that starts in 1970 gets out of this circle by their names alone: until its clock shows a date that can be, these are proved
without the times in signatures (`Undated`), and nothing else is. It ends with the first question after the clock was set.

A date is over if the program was made later, if the clock has shown it before, or if the root has signed something later
(`Doubting`): a machine that was off for a week may go on with the time at which it went off.
"""

from enum import Enum

from resolver.dnssec.algorithms import Algorithm, Wrong
from resolver.dnssec.anchors import Anchors, NegativeAnchor
from resolver.dnssec.memory import TrustMemory
from resolver.dnssec.security import Checked, Security
from resolver.dnssec.signature import NOT_YET, Dates, verify_now
from resolver.dnssec.validate import Claim, Validator
from resolver.values import Explanation
from wire.dns.codes import ExtendedError, RecordType
from wire.dns.names import ROOT, parent, suffixes
from wire.dns.signing import Key
from wire.units import Epoch, Instant

WRONG_CLOCK = Explanation(
    ExtendedError.NOT_READY, "this machine's clock is wrong: set it; until then only servers of time are looked up"
)

LOCAL_TIME = 14 * 3600.0
"""Seconds that a clock may be ahead which is taken for that of another time zone, until it is set right."""

WITNESS_PAUSE = 60.0
"""Seconds between two looks for a witness: anybody's zone may be signed for the future."""

_DS, _DNSKEY = int(RecordType.DS), int(RecordType.DNSKEY)


class Turn(Enum):
    """What has become of the clock."""

    LOST = "lost"
    FOUND = "found"


class WallClock:
    """The wall clock as far as it can be believed. `floor` is a date that is over, and only ever rises; a clock that shows an
    earlier one is `wrong`. `doubtful`: from when on it may be doubted again."""

    __slots__ = ("doubtful", "floor", "wrong")

    def __init__(self) -> None:
        self.floor = Epoch(0.0)
        self.wrong = False
        self.doubtful = Instant(0.0)

    def not_before(self, date: Epoch) -> None:
        """This date is over too."""
        self.floor = max(self.floor, date)

    def has_shown(self, date: Epoch) -> None:
        """The clock has shown this date before, rightly or not: who was ahead and was set right must not wait for it."""
        self.not_before(Epoch(date - LOCAL_TIME))

    def look(self, shown: Epoch) -> Turn | None:
        """What has changed by what it shows now."""
        wrong = shown < self.floor
        if wrong == self.wrong:
            return None
        self.wrong = wrong
        return Turn.LOST if wrong else Turn.FOUND

    def date(self, shown: Epoch) -> Epoch:
        """What it shows; while that cannot be, the earliest that can."""
        return max(shown, self.floor)


def is_time_source(name: bytes, sources: frozenset[bytes]) -> bool:
    """Whether `name` (folded) is at or below one of `sources`."""
    return any(suffix in sources for suffix in suffixes(name))


class Doubting:
    """A validator that doubts the clock, where a signature is not valid yet."""

    def __init__(self, validator: Validator, wall: WallClock) -> None:
        self._validator = validator
        self._wall = wall
        self._refused: Checked | None = None
        """What it came to when the clock was found to be wrong: the date that was proved is an early one, and what is valid then
        may have ended since."""

    async def check(self, claim: Claim) -> Checked:
        """As resolver.dnssec.validate.Checker; what the root has signed later than the clock shows is held against the clock."""
        if self._refused is not None:
            return self._refused
        questions = claim.questions
        date = questions.date()
        checked = await self._validator.check(claim)
        early = checked.explanation is not None and checked.explanation == NOT_YET.explanation
        if early and questions.now() >= self._wall.doubtful:
            self._wall.doubtful = Instant(questions.now() + WITNESS_PAUSE)
            witness = Witness(date)
            looking = Validator(self._validator.anchors, TrustMemory(), verifier=witness.verify, dates=Dates.IGNORED)
            await looking.check(claim._replace(again=False))
            self._wall.not_before(witness.latest)
            self._refused = checked if witness.latest > date else None
        return checked


class Witness:
    """When the root last signed anything, as far as it is seen: `latest`, but not before `date`."""

    def __init__(self, date: Epoch) -> None:
        self.latest = date

    def verify(self, algorithm: Algorithm, key: Key, signature: bytes, data: bytes) -> None:
        """As resolver.dnssec.signature.Verifier. `data` begins with the RRSIG's own: type covered (two octets), inception at 12
        (four), signer at 18 (RFC 4034 §3.1). Raises Wrong."""
        verify_now(algorithm, key, signature, data)
        # The root's keys are signed, and these signatures published, for months to come.
        if data[18:19] == ROOT and int.from_bytes(data[:2], "big") != _DNSKEY:
            ahead = int.from_bytes(data[12:16], "big") - int(self.latest) & 0xFFFFFFFF
            self.latest = Epoch(self.latest + (ahead if ahead < 0x80000000 else 0))


class Undated:
    """In the place of a `Validator` while the date is not known. What it proves is for one client, and nothing is learned of
    it; what it had to remember goes with it."""

    def __init__(self, anchors: Anchors, sources: frozenset[bytes]) -> None:
        self._anchors = anchors
        self._sources = sources
        self._of_sources = Validator(anchors, TrustMemory(), dates=Dates.IGNORED)
        self._of_others = Validator(anchors, TrustMemory(), verifier=_believe_nothing)

    def answers(self, name: bytes, rrtype: int, date: Epoch) -> bool:
        """Whether anything can be said of `name`: it is a server of time, or not validated by the administrator's will."""
        above = parent(name) if rrtype == _DS and name != ROOT else name
        return is_time_source(name, self._sources) or isinstance(self._anchors.closest(above, date), NegativeAnchor)

    async def check(self, claim: Claim) -> Checked:
        """As resolver.dnssec.validate.Checker. Signatures of servers of time, and of what their aliases lead to, are verified;
        of other names nothing holds that would need a signature."""
        if is_time_source(claim.name, self._sources):
            checked = await self._of_sources.check(claim)
            security = min(checked.security, Security.INSECURE)
            return checked._replace(security=security, learned=(), valid=0, undated=True)
        checked = await self._of_others.check(claim)
        if checked.security in (Security.BOGUS, Security.INDETERMINATE):
            return checked._replace(security=Security.INDETERMINATE, explanation=WRONG_CLOCK)
        return checked


def _believe_nothing(_algorithm: Algorithm, _key: Key, _signature: bytes, _data: bytes) -> None:
    raise Wrong
