"""Whether an upstream is fit for a resolver that validates: a few questions about the root and a top-level domain, to it alone.

Nothing of the household is in them: `. SOA`, `. DNSKEY`, a random name that does not exist below the root, `org. DS`. What
comes back is judged as the service itself would judge it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from anchorhold.remedies import Remedied
from net.clock import date, now
from resolver.accept import Understood, read
from resolver.cache.rrsets import Failed
from resolver.dnssec.anchors import Anchors, TrustAnchor
from resolver.dnssec.budget import Validation
from resolver.dnssec.memory import TrustMemory
from resolver.dnssec.security import Checked, Security
from resolver.dnssec.validate import Claim, Validator
from resolver.edge.upstream.port import UpstreamFailed
from resolver.iterate.resolve import Resolved
from resolver.settings import CacheSettings
from resolver.values import Explanation
from wire.dns.codes import ExtendedError, QueryFlag, Rcode, RecordType, show_rcode
from wire.dns.message import Message, parse_message
from wire.dns.names import ROOT, show_name
from wire.errors import Malformed
from wire.units import Epoch, Instant

TOP = b"\3org\0"
"""A top-level domain that has been signed since 2009."""

LABEL = 16
"""Letters of the name that does not exist."""

ASKED = 'the root\'s SOA and DNSKEY, a random name right below the root, "org. DS"; again without CD where that fails'
"""What is asked, for people."""

_DO = int(QueryFlag.RD | QueryFlag.DO)
_DO_AND_CD = int(_DO | QueryFlag.CD)
_A, _SOA, _DS, _DNSKEY, _RRSIG = (int(RecordType[name]) for name in ("A", "SOA", "DS", "DNSKEY", "RRSIG"))
_DENIALS = (int(RecordType.NSEC), int(RecordType.NSEC3))
_UNTIMELY = (ExtendedError.SIGNATURE_EXPIRED, ExtendedError.SIGNATURE_NOT_YET_VALID)

Ask = Callable[[bytes, int], Awaitable[bytes]]
"""(question, QueryFlag bits) → the response. Raises UpstreamFailed."""


class Fault(Remedied):
    """What may be wrong: what it is, what it means, what to do."""

    SILENT = (
        "gives no answer",
        "nothing can be asked there",
        "see whether it is up and its address, port and name are right",
    )
    NONSENSE = "sends what is no DNS message", "nothing it says can be used", "another server"
    REFUSES = (
        "does not resolve for this machine",
        "every name would fail",
        "use a resolver that serves you, not an authority",
    )
    FAILS = "fails on questions about the root", "many names would be SERVFAIL", "another server, or ask its operator"
    NO_EDNS = "does not know EDNS", "it cannot give signatures: every signed name would be SERVFAIL", "another server"
    IGNORES_DO = (
        "ignores DO",
        "it gives no signatures: every signed name would be SERVFAIL",
        "switch its DNSSEC on, or another",
    )
    STRIPS = (
        "strips signatures",
        "signed names would be SERVFAIL",
        "see what stands between (router, proxy), or another server",
    )
    STRIPS_DENIALS = (
        "strips the proofs that a name does not exist",
        "names that do not exist, and unsigned zones, would be SERVFAIL",
        "see what stands between (router, proxy), or another server",
    )
    NO_KEYS = (
        "does not give the root's keys",
        "every signed name would be SERVFAIL",
        "another server, or tls:// to this one",
    )
    REFUSES_CD = (
        "fails on questions with CD",
        "we ask every question with CD: every name would be SERVFAIL",
        "update it, or another server",
    )
    REWRITES = (
        "answers for names that do not exist",
        "its answers are made up; where zones are signed they would be SERVFAIL",
        "switch off its search help or filter, or another server",
    )
    WRONG = (
        "gives a wrong answer for a signed name",
        "it, or someone on the way, forges: such names are SERVFAIL",
        "another server; tls:// or https:// instead of udp:// if it is the way",
    )
    UNTIMELY = (
        "gives signatures that are not valid now",
        "either the clock of this machine is wrong, or it gives old answers",
        "set the clock; if it is right, another server",
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault, with what showed it."""

    fault: Fault
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Examined:
    """Nothing found: fit. `verified`: its answers were checked down from a trust anchor of the root."""

    findings: tuple[Finding, ...]
    verified: bool
    asked: int


@dataclass(frozen=True, slots=True)
class Subject:
    """A question; `absent`: no such name exists."""

    name: bytes
    rrtype: int
    absent: bool = False

    @property
    def key(self) -> bytes:
        """As it is asked."""
        return self.name + self.rrtype.to_bytes(2, "big") + b"\0\1"

    def __str__(self) -> str:
        return "a name that does not exist" if self.absent else f"{show_name(self.name)} {RecordType(self.rrtype).name}"


class _Done(Exception):
    """What was found makes further questions useless."""


async def examine(ask: Ask, anchors: Anchors, letters: bytes) -> Examined:
    """`letters`: random octets for the name that does not exist."""
    examination = _Examination(ask, anchors)
    try:
        await examination.run(bytes(97 + octet % 26 for octet in letters[:LABEL]))
    except _Done:
        pass
    except UpstreamFailed as error:
        examination.find(Fault.SILENT, str(error))
    return Examined(tuple(examination.findings.values()), examination.verified, examination.asked)


class _Examination:
    def __init__(self, ask: Ask, anchors: Anchors) -> None:
        self.findings: dict[Fault, Finding] = {}
        self.verified = False
        self.asked = 0
        self._ask = ask
        self._anchors = anchors
        self._heard: dict[bytes, bytes] = {}

    def find(self, fault: Fault, detail: str = "") -> None:
        self.findings.setdefault(fault, Finding(fault, detail))

    async def run(self, label: bytes) -> None:
        nowhere = Subject(bytes((len(label),)) + label + ROOT, _A, absent=True)
        subjects = (Subject(ROOT, _SOA), Subject(ROOT, _DNSKEY), nowhere, Subject(TOP, _DS))
        for subject in subjects:
            message = await self._obtain(subject)
            if message is not None:
                self._look(subject, message)
        if self.findings or not isinstance(self._anchors.closest(ROOT, date()), TrustAnchor):
            return
        for subject in subjects:
            await self._verify(subject)
        self.verified = not self.findings

    async def _obtain(self, subject: Subject) -> Message | None:
        """A response with a code that is an answer; else what is wrong is noted."""
        message = await self._exchange(subject, _DO_AND_CD)
        match message.rcode:
            case Rcode.NOERROR | Rcode.NXDOMAIN:
                return message
            case Rcode.FORMERR | Rcode.NOTIMP:
                self.find(Fault.NO_EDNS, show_rcode(message.rcode))
                raise _Done
            case Rcode.REFUSED:
                self.find(Fault.REFUSES, show_rcode(message.rcode))
                raise _Done
            case _:
                again = await self._exchange(subject, _DO)
        if again.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN):
            self.find(Fault.REFUSES_CD, f"{subject}: {show_rcode(message.rcode)}")
        else:
            self.find(
                Fault.NO_KEYS if subject.rrtype == _DNSKEY else Fault.FAILS, f"{subject}: {show_rcode(message.rcode)}"
            )
        return None

    async def _exchange(self, subject: Subject, flags: int) -> Message:
        self.asked += 1
        try:
            data = await self._ask(subject.key, flags)
            message = parse_message(data)
        except UpstreamFailed as error:
            if self.asked == 1:
                raise
            self.find(Fault.NO_KEYS if subject.rrtype == _DNSKEY else Fault.FAILS, f"{subject}: {error}")
            raise _Done from None
        except Malformed as error:
            self.find(Fault.NONSENSE, f"{subject}: {error}")
            raise _Done from None
        self._heard[subject.key] = data
        return message

    def _look(self, subject: Subject, message: Message) -> None:
        """What can be seen without verifying anything."""
        if message.edns is None:
            self.find(Fault.NO_EDNS, f"{subject}: no OPT record in its answer")
            raise _Done
        if subject.absent:
            self._look_at_denial(subject, message)
        elif subject.rrtype == _DS and message.rcode == Rcode.NXDOMAIN:
            return  # a root without org.; whether that is proved is seen later
        elif not any(record.rrtype == subject.rrtype for record in message.answer):
            self.find(Fault.NO_KEYS if subject.rrtype == _DNSKEY else Fault.FAILS, f"{subject}: no such record")
        elif not any(record.rrtype == _RRSIG for record in message.answer):
            self.find(Fault.STRIPS if message.edns.do else Fault.IGNORES_DO, f"no signature over {subject}")

    def _look_at_denial(self, subject: Subject, message: Message) -> None:
        if message.rcode != Rcode.NXDOMAIN or message.answer:
            self.find(Fault.REWRITES, f"{show_rcode(message.rcode)} with {len(message.answer)} records")
            return
        kinds = {record.rrtype for record in message.authority}
        bare = _RRSIG not in kinds or not kinds.intersection(_DENIALS)
        if bare and Fault.STRIPS not in self.findings and Fault.IGNORES_DO not in self.findings:
            self.find(Fault.STRIPS_DENIALS, f"no signed NSEC or NSEC3 with {subject}")

    # verifying

    async def _verify(self, subject: Subject) -> None:
        found = await self.ask(subject.name, subject.rrtype)
        if isinstance(found, Failed):
            self.find(Fault.WRONG, f"{subject}: {found.explanation.text}")
            return
        validator = Validator(self._anchors, TrustMemory())
        checked = await validator.check(Claim(subject.name, subject.rrtype, found, self, Validation()))
        if checked.security is not Security.SECURE:
            self.find(_judged(checked), f"{subject}: {_why(checked)}")

    async def ask(self, name: bytes, rrtype: int) -> Resolved | Failed:
        """What was heard, or is asked for now (resolver.dnssec.chain.Questions)."""
        subject = Subject(name, rrtype)
        if subject.key not in self._heard:
            await self._exchange(subject, _DO_AND_CD)
        read_ = read(subject.key, self._heard[subject.key], CacheSettings())
        if isinstance(read_, Understood):
            return read_.resolved
        text = f"the answer is of no use ({read_.fault.value})"
        return Failed(Explanation(ExtendedError.INVALID_DATA, text))

    def now(self) -> Instant:
        """The monotonic clock."""
        return now()

    def date(self) -> Epoch:
        """The wall clock."""
        return date()


def _judged(checked: Checked) -> Fault:
    code = None if checked.explanation is None else checked.explanation.code
    return Fault.UNTIMELY if code in _UNTIMELY else Fault.WRONG


def _why(checked: Checked) -> str:
    return checked.security.name.lower() if checked.explanation is None else checked.explanation.text
