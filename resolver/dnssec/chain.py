"""From a signature up to an anchor and down again: the keys that an RRset or a proof needs, zone by zone.

Start reading at `Chain.prove`. Plain `async` functions over the port `Questions`, as in `resolver.iterate.resolve`; what they
cost is counted in one `Validation` for each client's question.

Whose signature is there tells which zone to look for, and the signature over that zone's DS tells the zone above: one
question for DS and one for DNSKEY for each zone, none for names in between. Only where nothing is signed, the names from the
anchor down are asked for DS one by one, until one is shown to be an insecure delegation. What an attacker says of signers
only chooses where we look: nothing is believed of it.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple, Protocol

from resolver.cache.rrsets import Failed
from resolver.dnssec.anchors import Anchors, NegativeAnchor, TrustAnchor
from resolver.dnssec.budget import PROOFS, RECORDS_OF_AN_ANSWER, WALKED, Spent, Validation
from resolver.dnssec.denial import Proof, proves_no_ds
from resolver.dnssec.evidence import InsecureDelegation, NoCut, NotProved, TooExpensive, Unproved
from resolver.dnssec.evidence import Spent as HashesSpent
from resolver.dnssec.heard import rrsets_of, signers_of
from resolver.dnssec.keys import DEFAULT, Policy, Supported, Trusted, Unsupported, read_delegation, supported, trust
from resolver.dnssec.memory import MOST_SECONDS, Cut, Keys, NotACut, Signed, TrustMemory
from resolver.dnssec.security import Bogus, Insecure, Security, nothing_shows
from resolver.dnssec.signature import ABSENT, Dates, Prover, Stage, Unsigned, Verifier, prove, verify_now
from resolver.dnssec.steps import Began, Delegated, Denied, Keyed, Looked, Step
from resolver.dnssec.values import Learned, Verified
from resolver.iterate.resolve import Resolved
from resolver.iterate.verdict import Alias, Negative, Positive, RRset
from resolver.values import Explanation
from wire.dns.codes import ExtendedError, RecordType
from wire.dns.names import is_below, parent, suffixes
from wire.units import Epoch, Instant

REASONS = 64
"""Explanations of negative anchors that are kept: where the root has one, each answer needs it."""

_DS, _DNSKEY, _SOA = (int(RecordType[t]) for t in ("DS", "DNSKEY", "SOA"))
_NSEC, _NSEC3 = int(RecordType.NSEC), int(RecordType.NSEC3)

NO_ANCHOR = Bogus(
    Explanation(ExtendedError.DNSSEC_INDETERMINATE, "no trust anchor is above the name"), Security.INDETERMINATE
)
NO_ZONE = Bogus(Explanation(ExtendedError.DNSSEC_BOGUS, "the signer is not a zone"))
NO_KEYS = Bogus(Explanation(ExtendedError.DNSKEY_MISSING, "the zone has no keys"))
TOO_LARGE = Failed(Explanation(ExtendedError.DNSSEC_INDETERMINATE, "too many records in one answer"))
STRANGE = Bogus(Explanation(ExtendedError.DNSSEC_BOGUS, "a question for DS has a strange answer"))


class Questions(Protocol):
    """What validation needs from outside: RRsets with their signatures, by the way that the answer itself came."""

    async def ask(self, name: bytes, rrtype: int) -> Resolved | Failed:
        """The DS RRset (from the parent's side) or DNSKEY RRset of `name`, asked for with DO and CD. Raises nothing."""

    def now(self) -> Instant:
        """The monotonic clock."""

    def date(self) -> Epoch:
        """The wall clock, but nothing that cannot be (`resolver.dnssec.clock`)."""


class Absence(NamedTuple):
    """The records that may show that something is not there, as far as their signatures are valid. `soa`: likewise the
    zone's SOA; `failure`: what was wrong with one of them."""

    proof: Proof
    soa: Verified | None
    failure: Unsigned | None


class Chain:
    """The chains of trust that one client's question needs."""

    def __init__(
        self,
        anchors: Anchors,
        memory: TrustMemory,
        questions: Questions,
        budget: Validation,
        policy: Policy = DEFAULT,
        verifier: Verifier = verify_now,
        dates: Dates = Dates.CHECKED,
        *,
        again: bool = False,
        prover: Prover = prove,
    ) -> None:
        """`again`: what is remembered as bogus is looked at anew. `hints`, once set: NSEC and NSEC3 records that came with the
        answer; what they show of delegations need not be asked for."""
        self._again = again
        self.hints: tuple[RRset, ...] = ()
        self.learned: list[Learned] = []
        self.budget = budget
        self.steps: list[Step] = []
        self._anchors = anchors
        self._memory = memory
        self._questions = questions
        self._policy = policy
        self._verifier = verifier
        self._prover = prover
        self._date = questions.date()
        self._signed_at = self._date if dates is Dates.CHECKED else None
        self._cuts: dict[bytes, Cut] = {}
        self._keys: dict[bytes, Keys] = {}
        self._proved: dict[tuple[bytes, RRset], Verified | Unsigned] = {}
        self._began: TrustAnchor | NegativeAnchor | None = None
        self._given_up = False

    # -- what others ask for

    async def prove(self, rrset: RRset) -> Verified | Insecure | Bogus:
        """`rrset`, if its zone signed it. Raises Spent."""
        found = await self._prove(rrset)
        self.steps.append(Looked(rrset, found))
        return found

    async def _prove(self, rrset: RRset) -> Verified | Insecure | Bogus:
        anchor = self._anchor(rrset.owner, rrset.rrtype)
        if not isinstance(anchor, TrustAnchor):
            return anchor
        failure: Bogus | None = None
        for zone in signers_of((rrset,), rrset.owner, rrset.rrtype, anchor.zone):
            keys = self._known_keys(zone) or await self.keys(zone)
            if isinstance(keys, Insecure):
                return keys
            found = self._verify(rrset, keys) if isinstance(keys, Trusted) else keys
            if isinstance(found, Verified):
                return found
            failure = failure or Bogus(found.explanation, getattr(found, "security", Security.BOGUS))
        return failure or await self.unsigned(rrset.owner, rrset.rrtype, Bogus(ABSENT.explanation))

    async def absence(self, name: bytes, rrtype: int, rrsets: Iterable[RRset]) -> Absence | Insecure | Bogus:
        """What of `rrsets` (SOA, NSEC and NSEC3) may speak of `name` and `rrtype`. Raises Spent."""
        anchor = self._anchor(name, rrtype)
        if not isinstance(anchor, TrustAnchor):
            return anchor
        rrsets = tuple([rrset for rrset in rrsets if rrset.rrtype in (_SOA, _NSEC, _NSEC3)])
        failure: Bogus | None = None
        for zone in signers_of(rrsets, name, rrtype, anchor.zone):
            keys = self._known_keys(zone) or await self.keys(zone)
            if isinstance(keys, Insecure):
                return keys
            if isinstance(keys, Trusted):
                return self._absence(rrsets, keys)
            failure = failure or keys
        if failure is not None:
            return failure
        why = nothing_shows("nothing shows that there is no such record")
        return await self.unsigned(name, rrtype, Bogus(ABSENT.explanation) if rrsets else why)

    async def absence_in(self, zone: bytes, rrsets: Iterable[RRset]) -> Absence | Insecure | Bogus:
        """The same of what `zone` signed. Raises Spent."""
        keys = await self.keys(zone)
        return self._absence(tuple(rrsets), keys) if isinstance(keys, Trusted) else keys

    async def keys(self, zone: bytes) -> Keys:
        """The keys of `zone`; Bogus if it is none. Raises Spent."""
        found = self._known_keys(zone)
        if found is None:
            self.budget.descend()
            try:
                found = await self._find_keys(zone)
            finally:
                self.budget.ascend()
            if not self._is_our_own_fault(found):
                self._memory.store_keys(zone, found, self._questions.now())
            self._keys[zone] = found
        return found

    def _known_keys(self, zone: bytes) -> Keys | None:
        """The same, if they need not be looked for."""
        found = self._keys.get(zone)
        if found is None:
            found = self._memory.keys(zone, self._questions.now())
            if found is None or (self._again and isinstance(found, Bogus)):
                return None
            self._keys[zone] = found
        return found

    async def cut(self, zone: bytes) -> Cut:
        """What the parent says of `zone`. Raises Spent."""
        found = self._cuts.get(zone) or self._memory.cut(zone, self._questions.now())
        if found is None or (self._again and zone not in self._cuts and isinstance(found, Bogus)):
            found = await self._find_cut(zone)
            if not self._is_our_own_fault(found):
                self._memory.store_cut(zone, found, self._questions.now())
            self.steps.append(Delegated(zone, found))
        self._cuts[zone] = found
        return found

    # -- where trust begins

    def _anchor(self, name: bytes, rrtype: int) -> TrustAnchor | Insecure | Bogus:
        """The anchor that decides about records of `name`; a DS is its parent's."""
        anchor = self._anchors.closest(parent(name) if rrtype == _DS else name, self._date)
        if anchor is not self._began or not self.steps:
            self._began = anchor
            self.steps.append(Began(name, anchor))
        if isinstance(anchor, NegativeAnchor):
            ttl = MOST_SECONDS if anchor.until is None else int(anchor.until - self._date)
            return Insecure(not_validated(anchor.reason), ttl)
        return anchor or NO_ANCHOR

    # -- one zone

    async def _find_keys(self, zone: bytes) -> Keys:
        vouching, ttl = await self._vouching(zone)
        if not isinstance(vouching, Supported):
            self.steps.append(Keyed(zone, vouching))
            return vouching
        heard = await self._ask(zone, _DNSKEY)
        keys = self._trust(heard, vouching, ttl)
        self.steps.append(Keyed(zone, keys, vouching, _rrset_in(heard)))
        return keys

    def _trust(self, heard: Resolved | Failed, vouching: Supported, ttl: int) -> Keys:
        if isinstance(heard, Failed):
            return Bogus(NO_KEYS.explanation, Security.INDETERMINATE)
        rrset = _rrset_in(heard)
        if rrset is None:
            return NO_KEYS
        keys = trust(rrset, vouching, self._signed_at, self.budget, self._policy, self._verifier)
        if isinstance(keys, Unsigned):
            return Bogus(keys.explanation)
        return Trusted(keys.signing, min(keys.ttl, ttl), keys.by)

    async def _vouching(self, zone: bytes) -> tuple[Supported | Insecure | Bogus, int]:
        """What vouches for the keys of `zone`, an anchor or its parent, and for how many seconds."""
        anchor = self._anchor(zone, _DNSKEY)
        if not isinstance(anchor, TrustAnchor):
            return anchor, 0
        if anchor.zone == zone:
            usable = supported(anchor.records, self._policy)
            if isinstance(usable, Unsupported):
                return Insecure(usable.explanation, MOST_SECONDS), 0
            return usable, MOST_SECONDS
        cut = await self.cut(zone)
        match cut:
            case Signed(vouching=vouching, ttl=ttl):
                return vouching, ttl
            case NotACut():
                return NO_ZONE, 0
            case Insecure() | Bogus():
                return cut, 0

    # -- one delegation

    async def _find_cut(self, zone: bytes) -> Cut:
        if any(rrset.owner == zone or rrset.rrtype == _NSEC3 for rrset in self.hints):
            shown = await self._no_ds_there(zone, Negative(False, None, self.hints))
            if not isinstance(shown, Bogus):
                return shown
        found = await self._ask(zone, _DS)
        match found:
            case Failed(explanation=explanation):
                text = f"no DS could be had: {explanation.text}"[:120]
                return Bogus(Explanation(ExtendedError.DNSSEC_INDETERMINATE, text), Security.INDETERMINATE)
            case Resolved(links=(Alias() as alias, *_)):
                return await self._alias_there(alias)
            case Resolved(end=Positive(rrset=rrset)) if rrset.rrtype == _DS and rrset.owner == zone:
                return await self._ds_there(rrset)
            case Resolved(end=Negative() as negative):
                return await self._no_ds_there(zone, negative)
            case _:
                return STRANGE

    async def _alias_there(self, alias: Alias) -> Cut:
        """Where there is an alias, no zone begins (RFC 2181 §10.1, RFC 6672 §2.4). One made from a wildcard shows nothing: it
        can be made for any name."""
        proved = await self.prove(alias.rrset if alias.dname is None else alias.dname)
        if not isinstance(proved, Verified):
            return proved
        return NotACut(False, proved.rrset.ttl) if proved.wildcard is None else STRANGE

    async def _ds_there(self, rrset: RRset) -> Cut:
        proved = await self.prove(rrset)
        if not isinstance(proved, Verified):
            return proved
        if proved.wildcard is not None:
            return STRANGE
        usable = read_delegation(rrset.rdatas, self._policy)
        ttl = proved.rrset.ttl
        return Insecure(usable.explanation, ttl) if isinstance(usable, Unsupported) else Signed(usable, ttl)

    async def _no_ds_there(self, zone: bytes, negative: Negative) -> Cut:
        rrsets = (*negative.proof, *(() if negative.soa is None else (negative.soa,)))
        absence = await self.absence(zone, _DS, rrsets)
        if not isinstance(absence, Absence):
            return absence
        ttl = min((record.rrset.ttl for record in absence.proof.records), default=0)
        found = proves_no_ds(zone, absence.proof)
        self.steps.append(Denied(zone, _DS, found, absence.proof.records))
        match found:
            case InsecureDelegation():
                self.learned.append(Learned(absence.proof.records))
                return Insecure(None, ttl)
            case NoCut(absent=absent):
                # What the response's code says nobody has signed.
                return NotACut(absent, ttl)
            case _:
                return not_proved(found, absence)

    # -- nothing signed

    async def unsigned(self, name: bytes, rrtype: int, failure: Bogus) -> Insecure | Bogus:
        """Whether a delegation above what came without signatures leads out of what is signed; else `failure`, or what is
        bogus on the way. Raises Spent."""
        anchor = self._anchor(name, rrtype)
        if not isinstance(anchor, TrustAnchor):
            return anchor
        below = [zone for zone in suffixes(parent(name) if rrtype == _DS else name) if zone != anchor.zone]
        for depth, zone in enumerate(reversed([zone for zone in below if is_below(zone, anchor.zone)])):
            if depth == WALKED:
                raise Spent("too many names above it could be where signed zones end")
            cut = await self.cut(zone)
            if isinstance(cut, Insecure | Bogus):
                return cut
            if isinstance(cut, NotACut) and cut.absent:
                break
        return failure

    # -- tools

    async def _ask(self, name: bytes, rrtype: int) -> Resolved | Failed:
        self.budget.ask()
        found = await self._questions.ask(name, rrtype)
        if isinstance(found, Failed):
            self._given_up = self._given_up or found.given_up
            return found
        records = sum(len(rrset.rdatas) + len(rrset.signatures) for rrset in rrsets_of(found))
        if records > RECORDS_OF_AN_ANSWER:
            # This zone's own fault, and remembered as such; what runs out in the end may be any zone's.
            return TOO_LARGE
        self.budget.hear(records)
        return found

    def _is_our_own_fault(self, found: Cut | Keys) -> bool:
        """Whether it could not be had only because this question had no more to spend: others may have."""
        return self._given_up and isinstance(found, Bogus) and found.security is Security.INDETERMINATE

    def _verify(self, rrset: RRset, keys: Trusted) -> Verified | Unsigned:
        """Once for each RRset and zone."""
        place = (keys.signing.zone, rrset)
        found = self._proved.get(place)
        if found is None:
            found = self._prover(rrset, keys.signing, self._signed_at, self.budget, self._verifier)
            self._proved[place] = found
        return found

    def _absence(self, rrsets: tuple[RRset, ...], keys: Trusted) -> Absence:
        zone = keys.signing.zone
        soa: Verified | None = None
        failure: Unsigned | None = None
        records: list[Verified] = []
        tried = 0
        apex = [rrset for rrset in rrsets if rrset.rrtype == _SOA and rrset.owner == zone]
        for rrset in (*apex, *[rrset for rrset in rrsets if rrset.rrtype != _SOA]):
            if tried == PROOFS:
                break
            found = self._verify(rrset, keys)
            tried += isinstance(found, Verified) or found.stage is Stage.WRONG
            if isinstance(found, Unsigned):
                failure = found if failure is None or found.stage > failure.stage else failure
            elif rrset.rrtype == _SOA:
                soa = found
            else:
                records.append(found)
        return Absence(Proof(zone, tuple(records), self.budget.hashes), soa, failure)


def not_proved(found: NotProved, absence: Absence) -> Insecure | Bogus:
    """What it means for the answer. Raises Spent."""
    match found:
        case TooExpensive(why=why):
            ttl = min((record.rrset.ttl for record in absence.proof.records), default=0)
            return Insecure(Explanation(ExtendedError.UNSUPPORTED_NSEC3_ITERATIONS, why), ttl)
        case HashesSpent(why=why):
            raise Spent(why)
        case Unproved(why=why):
            # What was wrong with a signature says more than that its record was not there to prove anything.
            return nothing_shows(why) if absence.failure is None else Bogus(absence.failure.explanation)


@lru_cache(REASONS)
def not_validated(reason: str) -> Explanation:
    """What clients are told of a name whose anchor is a negative one, for this reason."""
    return Explanation(ExtendedError.OTHER, f"not validated: {reason}"[:120])


def _rrset_in(heard: Resolved | Failed) -> RRset | None:
    """The RRset that was asked for, if it came without an alias."""
    match heard:
        case Resolved(links=(), end=Positive(rrset=rrset)):
            return rrset
        case _:
            return None
