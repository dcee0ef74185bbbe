"""Whether a whole answer is what the owners of its names signed: alias by alias, then its end. Start at `Validator.check`.

Every RRset of a secure answer is proved by itself, and that nothing closer was left out where a wildcard answered. What is
not proved is not there: a proof nobody needs is dropped, and one that is needed and does not hold makes the answer bogus.
"""

from typing import NamedTuple, Protocol

from resolver.cache.rrsets import rename
from resolver.dnssec.anchors import Anchors, NegativeAnchor
from resolver.dnssec.budget import Spent, Validation
from resolver.dnssec.chain import Absence, Chain, Questions, not_proved, not_validated
from resolver.dnssec.denial import (
    proves_no_data,
    proves_no_name,
    proves_wildcard_no_data,
    proves_wildcard_rightly_expanded,
)
from resolver.dnssec.evidence import NoData, NoName, NotProved, RightlyExpanded, Unproved, WildcardNoData
from resolver.dnssec.keys import DEFAULT, Policy
from resolver.dnssec.memory import TrustMemory
from resolver.dnssec.security import Bogus, Checked, Insecure, Security
from resolver.dnssec.signature import ABSENT, Dates, Prover, Verifier, prove, verify_now
from resolver.dnssec.steps import Denied
from resolver.dnssec.values import LONG, Learned, Verified
from resolver.iterate.resolve import Resolved
from resolver.iterate.verdict import Alias, Negative, Positive, RRset, TooLong, with_ttl
from resolver.values import Explanation
from wire.dns.codes import ExtendedError, RecordType
from wire.dns.names import is_below
from wire.units import Epoch

_RRSIG, _CNAME, _DS = int(RecordType.RRSIG), int(RecordType.CNAME), int(RecordType.DS)

RENAMED_OTHERWISE = Bogus(Explanation(ExtendedError.DNSSEC_BOGUS, "the DNAME makes another alias than this"))
WILD_DNAME = Bogus(Explanation(ExtendedError.DNSSEC_BOGUS, "a DNAME made from a wildcard (RFC 6672 §3.3)"))
NOT_ASKED = Bogus(Explanation(ExtendedError.DNSSEC_BOGUS, "the answer is not one to the question"))
SIGNATURES_THEMSELVES = Insecure(None, 0)
"""Nobody signs signatures: an answer to a question for RRSIG is never more than insecure."""

End = Positive | Negative | TooLong
_WITH_PROOFS = (Alias, Positive, Negative)


class Claim(NamedTuple):
    """What is to be validated: that `resolved` answers `name` (folded) and `rrtype`. `questions` asks for keys the way that it
    came, out of `budget`; `again`: what failed before is tried anew, for others are asked; `server`: as in `Checked`."""

    name: bytes
    rrtype: int
    resolved: Resolved
    questions: Questions
    budget: Validation
    again: bool = False
    server: int = -1


class Checker(Protocol):
    """What tells the worth of an answer."""

    async def check(self, claim: Claim) -> Checked:
        """As `Validator.check`."""


class Validator:
    """What validation rests on, for one upstream group or iteration."""

    def __init__(
        self,
        anchors: Anchors,
        memory: TrustMemory,
        policy: Policy = DEFAULT,
        verifier: Verifier = verify_now,
        dates: Dates = Dates.CHECKED,
        prover: Prover = prove,
    ) -> None:
        self.anchors = anchors
        self.memory = memory
        self.policy = policy
        self._verifier = verifier
        self._dates = dates
        self._prover = prover

    def forgetful(self) -> "Validator":
        """The same with a memory of its own, still empty."""
        return Validator(self.anchors, TrustMemory(), self.policy, dates=self._dates)

    def exempts(self, name: bytes, rrtype: int, date: Epoch) -> Explanation | None:
        """Why records of `name` are not validated by the administrator's will; None if they are, or a parent's or nobody's."""
        if rrtype in (_DS, _RRSIG):
            return None
        anchor = self.anchors.closest(name, date)
        return not_validated(anchor.reason) if isinstance(anchor, NegativeAnchor) else None

    async def check(self, claim: Claim) -> Checked:
        """What the answer is worth. Raises nothing."""
        name, rrtype, resolved, questions, budget, again, server = claim
        means = (self.policy, self._verifier, self._dates)
        chain = Chain(self.anchors, self.memory, questions, budget, *means, again=again, prover=self._prover)
        judging, spent = Judging(chain, resolved), False
        try:
            bogus = await judging.judge(name, rrtype)
        except Spent as error:
            spent = True
            bogus = Bogus(Explanation(ExtendedError.DNSSEC_INDETERMINATE, error.what), Security.INDETERMINATE)
        steps = tuple(chain.steps)
        if bogus is not None:
            return Checked(resolved, bogus.security, bogus.explanation, steps, (), server, spent=spent)
        links, end = tuple(judging.links), judging.end
        checked = resolved if end is resolved.end and not links else Resolved(links, end, resolved.onward)
        learned = (*chain.learned, *judging.learned)
        return Checked(checked, judging.security, judging.explanation, steps, learned, server, judging.valid)


class Judging:
    """One answer part by part; what is found good gathers in `links` and `end`."""

    __slots__ = ("_chain", "_proofs", "_resolved", "end", "explanation", "learned", "links", "security", "valid")

    def __init__(self, chain: Chain, resolved: Resolved) -> None:
        self.links: list[Alias] = []
        self.end: End | None = None
        self.learned: list[Learned] = []
        self.security = Security.SECURE
        self.valid = LONG
        self.explanation: Explanation | None = None
        self._chain = chain
        self._resolved = resolved
        self._proofs = chain.hints = _proofs(resolved)

    async def judge(self, name: bytes, rrtype: int) -> Bogus | None:
        """None if nothing is bogus. Raises Spent."""
        for link in self._resolved.links:
            judged = await self._link(link) if _leads_on(link, name) else NOT_ASKED
            if isinstance(judged, Bogus):
                return judged
            self.links.append(judged)
            name = link.target
        end = self._resolved.end
        if end is None:
            return None
        ended = await self._end(name, rrtype, end)
        if isinstance(ended, Bogus):
            return ended
        self.end = ended
        return None

    def _lower(self, insecure: Insecure) -> None:
        self.security = Security.INSECURE
        self.explanation = self.explanation or insecure.explanation

    async def _end(self, name: bytes, rrtype: int, end: End) -> End | Bogus:
        match end:
            case Positive(rrset=rrset) if (rrset.owner, rrset.rrtype) != (name, rrtype):
                return NOT_ASKED
            case Positive(rrset=rrset) if rrset.rrtype == _RRSIG:
                self._lower(SIGNATURES_THEMSELVES)
                return Positive(rrset, (), end.servers, end.dname)
            case Positive(rrset=rrset, dname=RRset() as dname):
                return await self._renamed(name, Alias(rrset, rrset.rdatas[0], dname))
            case Positive(rrset=rrset):
                proved = await self._rrset(rrset)
                if isinstance(proved, Bogus):
                    return proved
                if proved is None or (proved[0] is rrset and not end.proof and not proved[1]):
                    return end
                return Positive(*proved, end.servers, end.dname)
            case Negative():
                return await self._negative(name, rrtype, end)
            case TooLong(dname=dname) if name == dname.owner or not is_below(name, dname.owner):
                return NOT_ASKED
            case TooLong(dname=dname):
                renamer = await self._dname(dname)
                return renamer if isinstance(renamer, Bogus) else TooLong(renamer)

    async def _renamed(self, name: bytes, link: Alias) -> Positive | Bogus:
        """A CNAME that was asked for and follows from a DNAME."""
        judged = await self._link(link) if _leads_on(link, name) else NOT_ASKED
        return judged if isinstance(judged, Bogus) else Positive(judged.rrset, dname=judged.dname)

    async def _link(self, link: Alias) -> Alias | Bogus:
        if link.dname is None:
            proved = await self._rrset(link.rrset)
            if isinstance(proved, Bogus):
                return proved
            return link if proved is None else Alias(proved[0], link.target, None, proved[1])
        dname = await self._dname(link.dname)
        if isinstance(dname, Bogus):
            return dname
        made = rename(link.rrset.owner, dname)
        # The CNAME beside a DNAME is not signed: it is made anew (RFC 6672 §5.3.1).
        return made if isinstance(made, Alias) and made.target == link.target else RENAMED_OTHERWISE

    async def _dname(self, dname: RRset) -> RRset | Bogus:
        proved = await self._chain.prove(dname)
        match proved:
            case Insecure():
                self._lower(proved)
                return dname
            case Verified(rrset=rrset, wildcard=None):
                self.valid = min(self.valid, proved.left)
                self.learned.append(Learned(renamer=proved))
                return rrset
            case Verified():
                return WILD_DNAME
            case Bogus():
                return proved

    async def _rrset(self, rrset: RRset) -> "tuple[RRset, tuple[RRset, ...]] | Bogus | None":
        """The RRset with its TTL bounded and the proof that goes with it; None if it is insecure."""
        proved = await self._chain.prove(rrset)
        if isinstance(proved, Insecure):
            self._lower(proved)
            return None
        if isinstance(proved, Bogus):
            return proved
        self.valid = min(self.valid, proved.left)
        if proved.wildcard is None:
            return proved.rrset, ()
        absence = await self._chain.absence_in(proved.zone, self._proofs)
        if isinstance(absence, Bogus):
            return absence
        if isinstance(absence, Insecure):
            self._lower(absence)
            return None
        found = proves_wildcard_rightly_expanded(rrset.owner, proved.wildcard, absence.proof)
        self._chain.steps.append(Denied(rrset.owner, rrset.rrtype, found, absence.proof.records))
        judged = self._believe(found, absence)
        if isinstance(judged, Bogus):
            return judged
        self.learned.append(Learned(absence.proof.records, expanded=proved))
        proof = self._kept(absence)
        ttl = min(proved.rrset.ttl, *(record.ttl for record in proof), proved.rrset.ttl)
        return proved.rrset._replace(ttl=ttl), proof

    async def _negative(self, name: bytes, rrtype: int, end: Negative) -> Negative | Bogus:
        rrsets = self._proofs if end.soa is None else (end.soa, *self._proofs)
        absence = await self._chain.absence(name, rrtype, rrsets)
        if not isinstance(absence, Absence):
            self._chain.steps.append(Denied(name, rrtype, absence))
        if isinstance(absence, Insecure):
            self._lower(absence)
            return end
        if isinstance(absence, Bogus):
            return absence
        found = _denied(name, rrtype, end, absence)
        self._chain.steps.append(Denied(name, rrtype, found, absence.proof.records))
        if end.soa is not None and absence.soa is None:
            judged: Bogus | None = Bogus((absence.failure or ABSENT).explanation)
        else:
            judged = self._believe(found, absence)
        if judged is not None:
            # One server for both sides of an insecure delegation may show the parent's signatures with the child's answer.
            insecure = await self._chain.unsigned(name, rrtype, judged)
            if isinstance(insecure, Bogus):
                return judged
            self._lower(insecure)
            return end
        if absence.soa is not None:
            proof = absence.proof
            self.learned.append(Learned(proof.records, absence.soa, spans=proof.spans))
        kept = self._kept(absence)
        soa = None if absence.soa is None else absence.soa.rrset
        if soa is not None:
            soa = with_ttl(soa, min([soa.ttl, *[record.ttl for record in kept]]))
        return Negative(end.absent and not isinstance(found, NoData), soa, kept)

    def _kept(self, absence: Absence) -> tuple[RRset, ...]:
        """The proof as it is given out."""
        records = absence.proof.records
        signed = records if absence.soa is None else (*records, absence.soa)
        self.valid = min([self.valid, *[record.left for record in signed]])
        return tuple([record.rrset for record in records])

    def _believe(
        self, found: "NoName | NoData | WildcardNoData | RightlyExpanded | NotProved", absence: Absence
    ) -> Bogus | None:
        """None if it is believed; where it rests on a range that opts out, or is not to be hashed, as insecure."""
        match found:
            case NoName() | NoData() | WildcardNoData() | RightlyExpanded():
                if found.opt_out:
                    self._lower(Insecure(None, 0))
                return None
            case _:
                judged = not_proved(found, absence)
                if isinstance(judged, Bogus):
                    return judged
                self._lower(judged)
                return None


def _proofs(resolved: Resolved) -> tuple[RRset, ...]:
    """A response with several aliases has the proofs for all of them in one place."""
    if not resolved.links:
        return resolved.end.proof if isinstance(resolved.end, _WITH_PROOFS) else ()
    parts = (*resolved.links, resolved.end)
    return tuple(dict.fromkeys([p for part in parts if isinstance(part, _WITH_PROOFS) for p in part.proof]))


def _leads_on(link: Alias, name: bytes) -> bool:
    """Whether the alias is one of `name`, and says itself where it leads; a signature is over records, not over that."""
    if link.rrset.owner != name or link.rrset.rrtype != _CNAME:
        return False
    if link.dname is not None:
        return name != link.dname.owner and is_below(name, link.dname.owner) and len(link.dname.rdatas) == 1
    return link.rrset.rdatas == (link.target,)


def _denied(name: bytes, rrtype: int, end: Negative, absence: Absence) -> NoName | NoData | WildcardNoData | NotProved:
    """What shows that there is no such name, or no such type."""
    if end.absent:
        none = proves_no_name(name, absence.proof)
        if not isinstance(none, Unproved):
            return none
        # Servers that do not know of empty non-terminals say so of them; what is proved counts (RFC 8020 §2).
        empty = proves_no_data(name, rrtype, absence.proof)
        return empty if isinstance(empty, NoData) and empty.empty else none
    found = proves_no_data(name, rrtype, absence.proof)
    if not isinstance(found, Unproved):
        return found
    wild = proves_wildcard_no_data(name, rrtype, absence.proof)
    return found if isinstance(wild, Unproved) else wild
