"""Lies about the signed toy tree (`kit.toytree`), by whoever answers for it: each an edit of honest responses, which are honest
and have all signatures. Which questions it is about is said by text, `*` for all. Nothing here knows how a response travels.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.rrset
from kit.authority import DNAME, DS, NSEC, RRSIG, Answering, Zone
from kit.signed import DNSKEY, NSEC3, Hashed, add, sign_all
from kit.signing import DATE, DAY, Signer, rrset_of
from kit.toytree import NETWORK, Tree

from wire.dns.codes import ExtendedError as Ede

FORGED = "203.0.113.66"
"""The address that nobody must ever be given."""

Response = dns.message.Message
Edit = Callable[[Response, Tree], None]
WWW, MISSING, SHOP = "www.shop.example.", "missing.shop.example.", "shop.example."


@dataclass(frozen=True)
class Lie:
    """`question` is what the client asks; `codes` the extended errors that fit. `tree`: how the tree is built, `prepare` what its
    owners do beforehand. `stands`: the lie is of no use, and the honest answer comes through."""

    name: str
    question: str
    edits: Mapping[str, Edit]
    codes: frozenset[Ede]
    tree: Mapping[str, object] | None = None
    prepare: Callable[[Tree], None] | None = None
    stands: bool = False

    def build(self, network: str = NETWORK) -> Tree:
        made = Tree(network=network).build(**(self.tree or {}))  # type: ignore[arg-type]
        if self.prepare is not None:
            self.prepare(made)
        return made

    def tell(self, response: Response, tree: Tree) -> None:
        """Alter what this lie is about."""
        question = response.question[0]
        text = f"{str(question.name).lower()} {dns.rdatatype.to_text(question.rdtype)}"
        for key in (text, "*"):
            if key in self.edits:
                self.edits[key](response, tree)


# -- honest responses


def recursive(tree: Tree, query: Response) -> Response:
    """What an honest resolver answers: the aliases followed through all zones, no AD, all signatures if DO is set."""
    response = dns.message.make_response(query, recursion_available=True)
    zones = list({id(z): z for zones in tree.internet.zones.values() for z in zones}.values())
    wanted = query.question[0]
    name = wanted.name
    for _ in range(12):
        step = dns.message.make_query(name, wanted.rdtype, want_dnssec=True)
        part = Answering(step, zones, True).answer()
        response.answer += [r for r in part.answer if r not in response.answer]
        response.authority = [r for r in part.authority if r.rdtype != dns.rdatatype.NS] + response.authority
        response.set_rcode(part.rcode())
        following = _end(part, name)
        if following == name or any(r.name == following and r.rdtype == wanted.rdtype for r in part.answer):
            break
        name = following
        if part.authority and any(r.rdtype == dns.rdatatype.SOA for r in part.authority):
            break
    return response


def _end(response: Response, name: dns.name.Name) -> dns.name.Name:
    aliases = {r.name: r[0].target for r in response.answer if r.rdtype == dns.rdatatype.CNAME}
    while name in aliases:
        name = aliases[name]
    return name


def answer_of(tree: Tree, question: str) -> Response:
    """The honest answer to another question."""
    name, kind = question.split()
    return recursive(tree, dns.message.make_query(name, kind, want_dnssec=True))


# -- edits


def sections(response: Response) -> tuple[list[dns.rrset.RRset], list[dns.rrset.RRset]]:
    return response.answer, response.authority


def drop(response: Response, unwanted: Callable[[dns.rrset.RRset], bool]) -> None:
    for section in sections(response):
        section[:] = [rrset for rrset in section if not unwanted(rrset)]


def put(response: Response, rrset: dns.rrset.RRset) -> None:
    """In the place of the RRset of that name and type in the answer."""
    drop(response, lambda r: (r.name, r.rdtype, r.covers) == (rrset.name, rrset.rdtype, rrset.covers))
    response.answer.append(rrset)


def forged(name: str) -> dns.rrset.RRset:
    return rrset_of(f"{name} 300 A {FORGED}")


def data(response: Response, tree: Tree) -> None:
    """Another address under the honest signature."""
    put(response, forged(str(response.question[0].name)))


def strip(response: Response, tree: Tree) -> None:
    drop(response, lambda r: r.rdtype == RRSIG)


def strip_proofs(response: Response, tree: Tree) -> None:
    drop(response, lambda r: r.rdtype in (NSEC, NSEC3) or (r.rdtype == RRSIG and r.covers in (NSEC, NSEC3)))


def both(*edits: Edit) -> Edit:
    def edit(response: Response, tree: Tree) -> None:
        for each in edits:
            each(response, tree)

    return edit


def rcode(name: str) -> Edit:
    def edit(response: Response, tree: Tree) -> None:
        response.set_rcode(dns.rcode.from_text(name))
        response.answer, response.authority, response.additional = [], [], []

    return edit


def empty(response: Response, tree: Tree) -> None:
    response.set_rcode(dns.rcode.NOERROR)
    response.answer, response.authority = [], []


def soa_only(response: Response, tree: Tree) -> None:
    """ "There is none", as an unsigned zone says it."""
    zone = max(
        (z for z in _zones(tree) if response.question[0].name.is_subdomain(z.origin)), key=lambda z: len(z.origin)
    )
    empty(response, tree)
    soa = zone.get(zone.origin, dns.rdatatype.SOA)
    assert soa is not None
    response.authority.append(soa)


def _zones(tree: Tree) -> list[Zone]:
    return [zone for zones in tree.internet.zones.values() for zone in zones]


def signed_by(signer: Signer) -> Edit:
    """All that is in the answer, and a forged address, by a key of the liar's."""

    def edit(response: Response, tree: Tree) -> None:
        if response.question[0].rdtype == dns.rdatatype.A:
            data(response, tree)
        for rrset in [r for r in response.answer if r.rdtype != RRSIG]:
            response.answer.append(dns.rrset.from_rdata(rrset.name, rrset.ttl, signer.sign(rrset)))
            drop(
                response, lambda r, own=rrset: r.rdtype == RRSIG and r.covers == own.rdtype and r != response.answer[-1]
            )

    return edit


def says(*lines: str, by: Signer | None = None) -> Edit:
    """This instead of the answer; signed if somebody signs."""

    def edit(response: Response, tree: Tree) -> None:
        response.answer, response.authority = [], []
        response.set_rcode(dns.rcode.NOERROR)
        for line in lines:
            rrset = rrset_of(line)
            response.answer.append(rrset)
            if by is not None:
                response.answer.append(dns.rrset.from_rdata(rrset.name, rrset.ttl, by.sign(rrset)))

    return edit


def instead(question: str, rename: bool = False, code: str = "") -> Edit:
    """What is true of another question. `rename`: its owner's name exchanged for the one in question."""

    def edit(response: Response, tree: Tree) -> None:
        other = answer_of(tree, question)
        mine, its = response.question[0].name, other.question[0].name
        response.set_rcode(dns.rcode.from_text(code) if code else other.rcode())
        response.answer = [_renamed(r, mine) if rename and r.name == its else r for r in other.answer]
        response.authority = other.authority

    return edit


def _renamed(rrset: dns.rrset.RRset, name: dns.name.Name) -> dns.rrset.RRset:
    return dns.rrset.from_rdata_list(name, rrset.ttl, list(rrset))


def denial(question: str, code: str = "NXDOMAIN") -> Edit:
    """No answer, and the authority section of another question."""

    def edit(response: Response, tree: Tree) -> None:
        other = answer_of(tree, question)
        response.answer, response.authority = [], other.authority
        response.set_rcode(dns.rcode.from_text(code))

    return edit


def adding(*lines: str) -> Edit:
    def edit(response: Response, tree: Tree) -> None:
        response.answer += [rrset_of(line) for line in lines]

    return edit


def authenticated(response: Response, tree: Tree) -> None:
    response.flags |= dns.flags.AD


def in_signatures(**changes: object) -> Edit:
    """Fields of the answer's and the proofs' signatures."""

    def edit(response: Response, tree: Tree) -> None:
        for section in sections(response):
            for place, rrset in enumerate(section):
                if rrset.rdtype == RRSIG:
                    rdatas = [rdata.replace(**changes) for rdata in rrset]
                    section[place] = dns.rrset.from_rdata_list(rrset.name, rrset.ttl, rdatas)

    return edit


def in_proofs(**changes: object) -> Edit:
    """Fields of NSEC and NSEC3 records."""

    def edit(response: Response, tree: Tree) -> None:
        for place, rrset in enumerate(response.authority):
            if rrset.rdtype in (NSEC, NSEC3):
                rdatas = [rdata.replace(**changes) for rdata in rrset]
                response.authority[place] = dns.rrset.from_rdata_list(rrset.name, rrset.ttl, rdatas)

    return edit


def in_soa(response: Response, tree: Tree) -> None:
    for place, rrset in enumerate(response.authority):
        if rrset.rdtype == dns.rdatatype.SOA:
            response.authority[place] = dns.rrset.from_rdata(rrset.name, 86_400, rrset[0].replace(minimum=86_400))


def only_first_proof(response: Response, tree: Tree) -> None:
    """NSEC(3) that cover the name, not the one for the wildcard."""
    name = response.question[0].name
    keep = [r for r in response.authority if r.rdtype == NSEC and r.name < name < r[0].next]
    assert len(keep) == 1
    drop(response, lambda r: (r.rdtype == NSEC or r.covers == NSEC) and r.name != keep[0].name)


def ds_of(signer: Signer) -> Edit:
    def edit(response: Response, tree: Tree) -> None:
        put(response, dns.rrset.from_rdata(signer.name, 3600, signer.ds()))

    return edit


def without_ds(number: int) -> Edit:
    def edit(response: Response, tree: Tree) -> None:
        for section in sections(response):
            for place, rrset in enumerate(section):
                if rrset.rdtype == DS:
                    left = [rdata for rdata in rrset if rdata.algorithm != number]
                    section[place] = dns.rrset.from_rdata_list(rrset.name, rrset.ttl, left)

    return edit


def algorithm_of_ds(number: int) -> Edit:
    def edit(response: Response, tree: Tree) -> None:
        for section in sections(response):
            for place, rrset in enumerate(section):
                if rrset.rdtype == DS:
                    rdatas = [rdata.replace(algorithm=number) for rdata in rrset]
                    section[place] = dns.rrset.from_rdata_list(rrset.name, rrset.ttl, rdatas)

    return edit


# -- what owners do beforehand


def old_signatures(tree: Tree) -> None:
    shop = tree.signed[SHOP]
    sign_all(shop.zone, replace(shop.signer, inception=int(DATE) - 20 * DAY, expiration=int(DATE) - 10 * DAY))


def two_algorithms(tree: Tree) -> None:
    """Keys and DS of algorithms 13 and 8; everything is signed with the former only."""
    shop, example = tree.signed[SHOP], tree.signed["example."]
    weak = Signer(SHOP, 8, 5)
    add(shop.zone, shop.zone.origin, DNSKEY, shop.signer.dnskey, weak.dnskey)
    sign_all(shop.zone, shop.signer)
    add(example.zone, shop.zone.origin, DS, shop.signer.ds(), weak.ds())
    sign_all(example.zone, example.signer)


def wild_dname(tree: Tree) -> None:
    """*.dwild DNAME, as no owner should (RFC 6672 §3.3)."""
    shop = tree.signed[SHOP]
    shop.zone.add("*.dwild DNAME new")
    sign_all(shop.zone, shop.signer)


def expanded_dname(response: Response, tree: Tree) -> None:
    """The DNAME as one of y.dwild, and what follows from it."""
    owner, wild = (dns.name.from_text(f"{name}.dwild.shop.example.") for name in ("y", "*"))
    zone = tree.zone(SHOP)
    records, signature = zone.get(wild, DNAME), zone.get(wild, RRSIG, DNAME)
    assert records is not None
    assert signature is not None
    target = answer_of(tree, "x.new.shop.example. A").answer
    alias = rrset_of("x.y.dwild.shop.example. 3600 CNAME x.new.shop.example.")
    response.set_rcode(dns.rcode.NOERROR)
    response.answer = [_renamed(records, owner), _renamed(signature, owner), alias, *target]
    response.authority = []


def far_next(tree: Tree) -> None:
    """The owner of shop.example. signs that nothing is between its last name and the end of org."""
    shop = tree.signed[SHOP]
    add(shop.zone, shop.zone.origin, NSEC, dns.rdata.from_text("IN", "NSEC", "zz.org. SOA NS RRSIG NSEC DNSKEY"))
    sign_all(shop.zone, shop.signer)


LIAR = Signer(SHOP, 13, 66)
BOGUS, NO_SIGNATURE, NO_KEY, NO_PROOF = (
    frozenset(codes)
    for codes in (
        {Ede.DNSSEC_BOGUS},
        {Ede.RRSIGS_MISSING},
        {Ede.DNSKEY_MISSING},
        {Ede.NSEC_MISSING},
    )
)
ANY = BOGUS | NO_SIGNATURE | NO_KEY | NO_PROOF
UNKNOWN = ANY | {Ede.DNSSEC_INDETERMINATE}
NSEC_TREE: dict[str, object] = {"tld": None}
NSEC3_TREE: dict[str, object] = {"shop_hashed": Hashed()}

LIES = [
    Lie("another address, honest signature", f"{WWW} A", {f"{WWW} A": data}, BOGUS),
    Lie("another address, no signature", f"{WWW} A", {f"{WWW} A": both(data, strip)}, NO_SIGNATURE),
    Lie(
        "another address, no signature, AD set",
        f"{WWW} A",
        {"*": authenticated, f"{WWW} A": both(data, strip)},
        NO_SIGNATURE,
    ),
    Lie(
        "another address, junk signature",
        f"{WWW} A",
        {f"{WWW} A": both(data, in_signatures(signature=b"j" * 64))},
        BOGUS,
    ),
    Lie("another address, signed by the liar", f"{WWW} A", {f"{WWW} A": signed_by(LIAR)}, NO_KEY),
    Lie(
        "the liar's keys",
        f"{WWW} A",
        {f"{WWW} A": signed_by(LIAR), f"{SHOP} DNSKEY": says(f"{SHOP} 300 DNSKEY {LIAR.dnskey}", by=LIAR)},
        NO_KEY,
    ),
    Lie(
        "the liar's keys and DS",
        f"{WWW} A",
        {
            f"{WWW} A": signed_by(LIAR),
            f"{SHOP} DNSKEY": says(f"{SHOP} 300 DNSKEY {LIAR.dnskey}", by=LIAR),
            f"{SHOP} DS": ds_of(LIAR),
        },
        ANY,
    ),
    Lie(
        "one more key, the liar's",
        f"{WWW} A",
        {f"{WWW} A": signed_by(LIAR), f"{SHOP} DNSKEY": adding(f"{SHOP} 3600 DNSKEY {LIAR.dnskey}")},
        ANY,
    ),
    Lie("all signatures stripped", f"{WWW} A", {"*": strip}, ANY),
    Lie("all signatures and proofs stripped", f"{WWW} A", {"*": both(strip, strip_proofs)}, ANY),
    Lie("all signatures stripped from a denial", f"{MISSING} A", {"*": both(strip, strip_proofs)}, ANY),
    Lie("the answer's signature stripped", f"{WWW} A", {f"{WWW} A": strip}, NO_SIGNATURE),
    Lie("SERVFAIL for keys", f"{WWW} A", {f"{SHOP} DNSKEY": rcode("SERVFAIL")}, UNKNOWN),
    Lie("SERVFAIL for the root's keys", f"{WWW} A", {". DNSKEY": rcode("SERVFAIL")}, UNKNOWN),
    Lie("SERVFAIL for DS", f"{WWW} A", {f"{WWW} A": both(data, strip), f"{SHOP} DS": rcode("SERVFAIL")}, UNKNOWN),
    Lie("no keys", f"{WWW} A", {f"{SHOP} DNSKEY": soa_only}, NO_KEY),
    Lie("no DS, without proof", f"{WWW} A", {f"{WWW} A": both(data, strip), f"{SHOP} DS": empty}, ANY),
    Lie("no DS, with an SOA only", f"{WWW} A", {f"{WWW} A": both(data, strip), f"{SHOP} DS": soa_only}, ANY),
    Lie(
        "no DS, no such name",
        f"{WWW} A",
        {f"{WWW} A": both(data, strip), f"{SHOP} DS": both(soa_only, lambda r, _: r.set_rcode(3))},
        ANY,
    ),
    Lie(
        "no DS, with another delegation's proof",
        f"{WWW} A",
        {f"{WWW} A": both(data, strip), f"{SHOP} DS": instead("plain.example. DS")},
        ANY,
    ),
    Lie(
        "no DS, with another delegation's NSEC",
        f"{WWW} A",
        {f"{WWW} A": both(data, strip), f"{SHOP} DS": instead("plain.example. DS")},
        ANY,
        NSEC_TREE,
    ),
    Lie(
        "no DS, with another zone's proof",
        f"{WWW} A",
        {f"{WWW} A": both(data, strip), f"{SHOP} DS": instead("www.bank.org. DS")},
        ANY,
    ),
    Lie(
        "no DS, opt-out flag set by the liar",
        f"{WWW} A",
        {f"{WWW} A": both(data, strip), f"{SHOP} DS": both(instead("missing.example. DS"), in_proofs(flags=1))},
        ANY,
    ),
    Lie(
        "an alias into an unsigned zone",
        f"{WWW} A",
        {f"{WWW} A": says(f"{WWW} 300 CNAME www.plain.example.", f"www.plain.example. 300 A {FORGED}")},
        NO_SIGNATURE,
    ),
    Lie("an extra record in the RRset", f"{WWW} A", {f"{WWW} A": lambda r, t: r.answer[0].add(forged(WWW)[0])}, BOGUS),
    Lie(
        "an extra RRset of an unsigned zone",
        f"{WWW} A",
        {f"{WWW} A": adding(f"www.plain.example. 300 A {FORGED}")},
        ANY,
        stands=True,
    ),
    Lie(
        "an extra RRset of the signed zone",
        f"{WWW} A",
        {f"{WWW} A": adding(f"mail.shop.example. 300 A {FORGED}")},
        ANY,
        stands=True,
    ),
    Lie(
        "another name's signed records",
        f"{WWW} A",
        {f"{WWW} A": instead("real.wild.shop.example. A", rename=True)},
        BOGUS,
    ),
    Lie("another name's signed answer", f"{WWW} A", {f"{WWW} A": instead("real.wild.shop.example. A")}, ANY),
    Lie(
        "wildcard replay",
        "real.wild.shop.example. A",
        {"real.wild.shop.example. A": instead("any.wild.shop.example. A", rename=True)},
        NO_PROOF,
    ),
    Lie(
        "wildcard replay, NSEC3",
        "real.wild.shop.example. A",
        {"real.wild.shop.example. A": instead("any.wild.shop.example. A", rename=True)},
        NO_PROOF,
        NSEC3_TREE,
    ),
    Lie(
        "wildcard replay, without proof",
        "real.wild.shop.example. A",
        {"real.wild.shop.example. A": both(instead("any.wild.shop.example. A", rename=True), strip_proofs)},
        NO_PROOF,
    ),
    Lie("wildcard alias replay", "any.star.shop.example. A", {"any.star.shop.example. A": strip_proofs}, NO_PROOF),
    Lie(
        "wildcard DNAME",
        "x.y.dwild.shop.example. A",
        {"x.y.dwild.shop.example. A": expanded_dname},
        BOGUS,
        prepare=wild_dname,
    ),
    Lie("a proof from another zone", f"{WWW} A", {f"{WWW} A": denial("missing.bank.org. A")}, ANY),
    Lie("a proof from the zone above", f"{WWW} A", {f"{WWW} A": denial("missing.example. A")}, ANY),
    Lie("ancestor's NSEC for a name below", f"{WWW} A", {f"{WWW} A": denial("shop.example. DS")}, ANY, NSEC_TREE),
    Lie(
        "ancestor's NSEC for no data below",
        f"{WWW} A",
        {f"{WWW} A": denial("plain.example. DS", "NOERROR")},
        ANY,
        NSEC_TREE,
    ),
    Lie(
        "ancestor's NSEC at a delegation without DS",
        f"{WWW} A",
        {f"{WWW} A": denial("plain.example. DS")},
        ANY,
        NSEC_TREE,
    ),
    Lie("ancestor's NSEC3 for a name below", f"{WWW} A", {f"{WWW} A": denial("plain.example. DS")}, ANY),
    Lie("signatures that have expired", f"{WWW} A", {}, frozenset({Ede.SIGNATURE_EXPIRED}), prepare=old_signatures),
    Lie(
        "expiry moved by the liar",
        f"{WWW} A",
        {"*": in_signatures(expiration=int(DATE) + DAY)},
        BOGUS,
        prepare=old_signatures,
    ),
    Lie(
        "the stronger DS stripped",
        f"{WWW} A",
        {f"{WWW} A": both(data, strip), f"{SHOP} DS": without_ds(13)},
        ANY,
        prepare=two_algorithms,
    ),
    Lie(
        "unknown algorithm in DS", f"{WWW} A", {f"{WWW} A": both(data, strip), f"{SHOP} DS": algorithm_of_ds(200)}, ANY
    ),
    Lie(
        "unknown algorithm in DS, unsigned",
        f"{WWW} A",
        {f"{WWW} A": both(data, strip), f"{SHOP} DS": both(algorithm_of_ds(200), strip)},
        ANY,
    ),
    Lie(
        "unknown algorithm in signatures",
        f"{WWW} A",
        {f"{WWW} A": both(data, in_signatures(algorithm=200))},
        frozenset({Ede.UNSUPPORTED_DNSKEY_ALGORITHM}),
    ),
    Lie(
        "iterations raised by the liar",
        f"{MISSING} A",
        {f"{MISSING} A": in_proofs(iterations=2_500)},
        BOGUS,
        NSEC3_TREE,
    ),
    Lie(
        "NXDOMAIN rewritten to an address",
        f"{MISSING} A",
        {f"{MISSING} A": says(f"{MISSING} 300 A {FORGED}")},
        NO_SIGNATURE,
    ),
    Lie(
        "NXDOMAIN rewritten to an address, in an unsigned-looking zone",
        f"{MISSING} A",
        {"*": both(strip, strip_proofs), f"{MISSING} A": says(f"{MISSING} 300 A {FORGED}")},
        ANY,
    ),
    Lie("a name denied without proof", f"{WWW} A", {f"{WWW} A": both(soa_only, lambda r, _: r.set_rcode(3))}, ANY),
    Lie("a name denied with nothing at all", f"{WWW} A", {f"{WWW} A": rcode("NXDOMAIN")}, ANY),
    Lie("a name denied with another's proof", f"{WWW} A", {f"{WWW} A": denial(f"{MISSING} A")}, NO_PROOF),
    Lie(
        "a type denied with another's proof",
        f"{WWW} A",
        {f"{WWW} A": denial("shop.example. AAAA", "NOERROR")},
        NO_PROOF,
    ),
    Lie(
        "no name, without the wildcard's proof",
        "any.wild.shop.example. A",
        {"any.wild.shop.example. A": both(lambda r, _: (r.answer.clear(), r.set_rcode(3))[0])},
        NO_PROOF,
    ),
    Lie(
        "a next name outside the zone",
        "www.bank.org. A",
        {"www.bank.org. A": denial("shop.example. AAAA")},
        ANY,
        prepare=far_next,
    ),
    Lie("an SOA with another TTL to live", f"{MISSING} A", {f"{MISSING} A": in_soa}, BOGUS),
    Lie("fewer labels in the signature", f"{WWW} A", {f"{WWW} A": both(data, in_signatures(labels=2))}, BOGUS),
    Lie(
        "an answer of another zone's signer",
        f"{WWW} A",
        {f"{WWW} A": both(data, in_signatures(signer=dns.name.from_text("example.")))},
        ANY,
    ),
]
