"""The signed name space: a root, a top-level domain for each signer with a zone for each algorithm and kind of denial below
it, and zones that are each about one thing. What there is to find out of each stands beside it (`Zone.worth`).
"""

from dataclasses import replace

from lab import compact
from lab.damage import UNKNOWN
from lab.keys import KSK, REVOKED, ZSK, Key, Vouch
from lab.model import Server, Worth, Zone
from lab.signers import DAY, NSEC, Denial, Seal, Signer

ALGORITHMS = {
    "rsasha1": 5, "nsec3rsasha1": 7, "rsasha256": 8, "rsasha512": 10, "p256": 13, "p384": 14, "ed25519": 15, "ed448": 16,
}  # fmt: skip

DENIALS = {
    "nsec": NSEC,
    "nsec3": Denial(0),
    "optout": Denial(0, opt_out=True),
    "i1": Denial(1, "ab53"),
    "i50": Denial(50, "ab53"),
    "i51": Denial(51, "ab53"),
    "i150": Denial(150, "ab53"),
}
"""Iterations: RFC 9276 wants none, 50 are the most that we follow, 150 the most that BIND writes."""

MATRIX_RECORDS = """
@ A 192.0.2.1
@ MX 10 mail
www A 192.0.2.2
www A 192.0.2.3
www AAAA 2001:db8::2
mail A 192.0.2.25
MixEd.Case A 192.0.2.4
a.b.ent TXT "below empty non-terminals"
*.wild A 192.0.2.5
*.wild TXT "wild"
real.wild TXT "real"
*.star CNAME www
alias CNAME www
lost CNAME nowhere
abroad CNAME www.p256-nsec.ldns.
hashed CNAME alias.ed25519-nsec3.knot.
unsigned CNAME www.plain.cases.
broken CNAME www.bad-signature.cases.
old DNAME new
x.new A 192.0.2.6
far DNAME wild.p384-nsec.bind.
away DNAME plain.cases.
astray DNAME wrong-ds.cases.
*.leave CNAME www.plain.cases.
*.stray CNAME www.expired.cases.
loop CNAME pool
pool CNAME loop
self CNAME self
a.b.c.d.e.f.g.h.i.j.k.l TXT "deep"
long 604800 TXT "long"
"""

SMALL_RECORDS = """
@ A 192.0.2.1
@ MX 10 www
www A 192.0.2.2
*.wild A 192.0.2.5
a.b.ent TXT "below empty non-terminals"
alias CNAME www
abroad CNAME www.p256-nsec.bind.
unsigned CNAME www.plain.cases.
broken CNAME www.wrong-ds.cases.
old DNAME ent
"""

PAIR = (Key(13, KSK), Key(13, ZSK))
SINGLE = (Key(15, KSK),)


def pair(algorithm: int) -> tuple[Key, ...]:
    """A key that signs keys and one that signs the rest."""
    return Key(algorithm, KSK), Key(algorithm, ZSK)


def fits(algorithm: int, denial: Denial) -> bool:
    """5 says that nothing is hashed (RFC 5155 §2): for that there is 7."""
    return algorithm != 5 or denial.iterations is None


def _host(number: int) -> str:
    return f"site-{('nsd', 'knotd', 'named')[number % 3]}"


def _top(name: str, seal: Seal) -> Zone:
    servers = (Server(f"a.nic.{name}", "tld-knotd"), Server(f"b.nic.{name}", "tld-named"))
    return Zone(
        name, servers, 'nic TXT "nic"\nwww A 192.0.2.1\n', seal=seal, vouched=(Vouch(seal.keys[0]),), worth=Worth.SECURE
    )


def matrix_zone(signer: Signer, algorithm: str, denial: str, number: int = 1) -> Zone:
    """One algorithm, one kind of denial, one signer. Its own keys vary too: one for all, or two."""
    number_of, kind = ALGORITHMS[algorithm], DENIALS[denial]
    keys = (Key(number_of, KSK),) if number % 4 == 3 else pair(number_of)
    origin = f"{algorithm}-{denial}.{signer.name.lower()}."
    servers = (Server(f"ns1.{origin}", _host(number)),)
    seal = Seal(signer, keys, kind)
    return Zone(
        origin,
        servers,
        MATRIX_RECORDS,
        seal=seal,
        vouched=(Vouch(keys[0]),),
        worth=Worth.SECURE,
        notes=("matrix", denial),
    )


def _below(parent: Zone) -> tuple[Zone, Zone]:
    """A delegation that is signed and one that is not."""
    unsigned, signed = f"u.{parent.origin}", f"s.{parent.origin}"
    return (
        Zone(unsigned, (Server(f"ns1.{unsigned}", "sub-knotd"),), SMALL_RECORDS, notes=("unsigned child",)),
        Zone(
            signed, (Server(f"ns1.{signed}", "sub-knotd"),), SMALL_RECORDS,
            seal=Seal(Signer.LDNS, SINGLE), vouched=(Vouch(SINGLE[0]),), worth=Worth.SECURE, notes=("signed child",),
        ),
    )  # fmt: skip


def _matrix() -> tuple[Zone, ...]:
    found: list[Zone] = []
    for signer in Signer:
        for algorithm in ALGORITHMS:
            # Counting has nothing to do with the algorithm: one of them shows all of it.
            kinds = tuple(DENIALS) if algorithm == "p256" else ("nsec", "nsec3")
            for denial in kinds:
                if not fits(ALGORITHMS[algorithm], DENIALS[denial]):
                    continue
                zone = matrix_zone(signer, algorithm, denial, len(found))
                found += [zone, *(_below(zone) if algorithm == "p256" else ())]
    return tuple(found)


def _case(
    name: str, worth: Worth, *vouched: Vouch, keys: tuple[Key, ...] = PAIR, top: str = "cases.", **more: object
) -> Zone:
    """A small zone. `vouched`: nothing for the DS that is right. `more`: fields of `Seal` and `Zone`."""
    origin = f"{name}.{top}"
    denial = more.pop("denial", NSEC)
    assert isinstance(denial, Denial)
    signer = more.pop("signer", Signer.BIND)
    assert isinstance(signer, Signer)
    times = {field: more.pop(field) for field in ("begin", "end") if field in more}
    seal = Seal(signer, keys, denial, **times)  # type: ignore[arg-type]
    host = str(more.pop("host", _host(len(name))))
    server = Server(f"ns1.{origin}", host)
    zone = Zone(
        origin, (server,), SMALL_RECORDS, seal=seal, vouched=vouched or (Vouch(keys[0]),), worth=worth, notes=(name,)
    )
    return replace(zone, **more)  # type: ignore[arg-type]


_GOOD = Vouch(PAIR[0])
_BOTH = (*pair(8), *pair(13))
_NEW, _OLD = Key(13, KSK, "new"), Key(13, REVOKED, "old")
_STANDBY = Key(13, KSK, "standby", active=False)
_DOUBLE = (Key(13, KSK, "one"), Key(13, KSK, "two"), Key(13, ZSK))

DELEGATIONS = (
    _case("plain", Worth.INSECURE, seal=None, vouched=()),
    _case("island", Worth.INSECURE, vouched=()),
    _case("island3", Worth.INSECURE, vouched=(), denial=Denial(0)),
    _case("unknown-algorithm", Worth.INSECURE, Vouch(PAIR[0], algorithm=UNKNOWN), damage="an unknown algorithm"),
    _case("unknown-digest", Worth.INSECURE, Vouch(PAIR[0], digest=200)),
    _case("unknown-by-halves", Worth.INSECURE, Vouch(PAIR[0], digest=200), Vouch(PAIR[0], algorithm=UNKNOWN)),
    _case("one-known-algorithm", Worth.SECURE, Vouch(PAIR[0], algorithm=UNKNOWN, wrong=True), _GOOD),
    _case("one-known-digest", Worth.SECURE, Vouch(PAIR[0], digest=200), _GOOD),
    _case("one-right-digest", Worth.SECURE, Vouch(PAIR[0], wrong=True), _GOOD),
    _case("sha1", Worth.SECURE, Vouch(PAIR[0], digest=1)),
    _case("sha1-and-sha256", Worth.SECURE, Vouch(PAIR[0], digest=1), _GOOD),
    _case("sha1-beside-wrong", Worth.BOGUS, Vouch(PAIR[0], digest=1), Vouch(PAIR[0], wrong=True)),
    _case("sha384", Worth.SECURE, Vouch(PAIR[0], digest=4)),
    _case("sha384-and-sha256", Worth.SECURE, Vouch(PAIR[0], digest=4), _GOOD),
    _case("sha384-beside-wrong", Worth.SECURE, Vouch(PAIR[0], digest=4), Vouch(PAIR[0], wrong=True)),
    _case("sha256-beside-wrong", Worth.SECURE, Vouch(PAIR[0], digest=4, wrong=True), _GOOD),
    _case("wrong-ds", Worth.BOGUS, Vouch(PAIR[0], wrong=True)),
    _case("gone-ds", Worth.BOGUS, Vouch(Key(13, KSK, "gone"))),
    _case("bad-ds", Worth.BOGUS),
    _case("unsigned-ds", Worth.BOGUS),
    _case("unproved", Worth.BOGUS, seal=None, vouched=()),
)

SIGNATURES = (
    _case("expired", Worth.BOGUS, begin=-60 * DAY, end=-30 * DAY),
    _case("expired-ldns", Worth.BOGUS, begin=-60 * DAY, end=-30 * DAY, signer=Signer.LDNS, denial=Denial(0)),
    _case("not-yet", Worth.BOGUS, begin=5 * DAY, end=30 * DAY),
    _case("not-yet-ldns", Worth.BOGUS, begin=5 * DAY, end=30 * DAY, signer=Signer.LDNS),
    _case("bad-signature", Worth.BOGUS, damage="one bit of a signature"),
    _case("bad-key-signature", Worth.BOGUS, damage="one bit of the keys' signature"),
    _case("bad-soa-signature", Worth.SECURE, damage="one bit of the SOA's signature"),
    _case("no-signature", Worth.BOGUS, damage="a signature missing"),
    _case("no-key-signature", Worth.BOGUS, damage="no signature over the keys"),
    # Knot takes a zone whose SOA is not signed for an unsigned one.
    _case("no-soa-signature", Worth.SECURE, damage="no signature over the SOA", host="site-named"),
    _case("not-signed", Worth.BOGUS, damage="no signature at all"),
    _case("no-keys", Worth.BOGUS, damage="no keys"),
    _case("no-denial", Worth.SECURE, damage="no denial"),
)

KEYS = (
    _case("single", Worth.SECURE, keys=SINGLE, signer=Signer.KNOT),
    _case("single-zsk", Worth.SECURE, keys=(Key(13, ZSK),)),
    _case("double-ksk", Worth.SECURE, Vouch(_DOUBLE[1]), keys=_DOUBLE),
    _case("double-ksk-ldns", Worth.SECURE, Vouch(_DOUBLE[0]), keys=_DOUBLE, signer=Signer.LDNS),
    _case("double-ds", Worth.SECURE, Vouch(_DOUBLE[0]), Vouch(_DOUBLE[1]), keys=_DOUBLE, signer=Signer.KNOT),
    _case("standby", Worth.SECURE, _GOOD, Vouch(_STANDBY), keys=(*PAIR, _STANDBY)),
    _case("standby-vouched", Worth.BOGUS, Vouch(_STANDBY), keys=(*PAIR, _STANDBY)),
    _case("standby-zsk", Worth.SECURE, keys=(*PAIR, Key(13, ZSK, "next", active=False)), signer=Signer.LDNS),
    _case("revoked", Worth.SECURE, Vouch(_NEW), keys=(_NEW, _OLD, Key(13, ZSK))),
    _case("revoked-beside", Worth.SECURE, Vouch(_OLD), Vouch(_NEW), keys=(_NEW, _OLD, Key(13, ZSK))),
    _case("revoked-only", Worth.BOGUS, Vouch(_OLD), keys=(_NEW, _OLD, Key(13, ZSK))),
    _case("two-algorithms", Worth.SECURE, Vouch(_BOTH[0]), Vouch(_BOTH[2]), keys=_BOTH),
    _case("two-algorithms-ldns", Worth.SECURE, Vouch(_BOTH[0]), Vouch(_BOTH[2]), keys=_BOTH, signer=Signer.LDNS),
    _case("two-algorithms-one-ds", Worth.SECURE, Vouch(_BOTH[2]), keys=_BOTH, denial=Denial(0)),
    _case(
        "one-algorithm-signs", Worth.SECURE, Vouch(_BOTH[0]), Vouch(_BOTH[2]), keys=_BOTH,
        damage="one algorithm does not sign",
    ),
)  # fmt: skip

CONTENTS = (
    _case("apexwild", Worth.SECURE, records="* A 192.0.2.5\n* TXT w\n@ A 192.0.2.1\na.b A 192.0.2.2\n"),
    _case(
        "apexwild3", Worth.SECURE, denial=Denial(0), records="* A 192.0.2.5\n* TXT w\n@ A 192.0.2.1\na.b A 192.0.2.2\n"
    ),
    _case(
        "apexdname",
        Worth.SECURE,
        servers=(Server("ns1.cases.", "site-nsd"),),
        records="@ DNAME p256-nsec.bind.\n@ A 192.0.2.1\n",
    ),
    _case(
        "apexdname3",
        Worth.SECURE,
        servers=(Server("ns2.cases.", "site-knotd"),),
        denial=Denial(0),
        records="@ DNAME p256-nsec3.knot.\n@ A 192.0.2.1\n",
    ),
    _case("tiny", Worth.SECURE, records="www A 192.0.2.1\n", signer=Signer.KNOT),
    _case("tiny3", Worth.SECURE, denial=Denial(0), records="www A 192.0.2.1\n", signer=Signer.LDNS),
)

COMPACT = (
    _case(
        "compact", Worth.SECURE, Vouch(compact.KEY), seal=None,
        servers=(Server("ns1.compact.cases.", "compact"),), notes=("compact denial",),
    ),
    _case(
        "online", Worth.SECURE, Vouch(SINGLE[0]), seal=None,
        servers=(Server("ns1.online.cases.", "site-knotd"),), online=SINGLE[0],
    ),
)  # fmt: skip
"""Signed while the question waits: by a responder of ours as RFC 9824 says, and by Knot, which did so before there was NXNAME."""

DEPTHS = (
    _case("plain", Worth.INSECURE, top="hashed.", seal=None, vouched=()),
    _case("island", Worth.INSECURE, top="hashed.", vouched=()),
    _case("signed", Worth.SECURE, top="hashed.", denial=Denial(0), signer=Signer.KNOT),
    _case("signed.plain", Worth.INSECURE, top="cases."),
    _case("plain.signed", Worth.INSECURE, top="hashed.", seal=None, vouched=()),
    _case("one", Worth.SECURE, top="hashed."),
    _case("two.one", Worth.SECURE, top="hashed.", denial=Denial(0)),
    _case("four.three.two.one", Worth.SECURE, top="hashed."),
    _case("wrong.four.three.two.one", Worth.BOGUS, Vouch(PAIR[0], wrong=True), top="hashed."),
    _case("below.wrong-ds", Worth.BOGUS),
    _case("below.unknown-algorithm", Worth.INSECURE),
    _case("x.y.z.plain", Worth.INSECURE, top="hashed.", seal=None, vouched=()),
)

TOPS = (
    Zone(
        ".",
        (Server("a.servers.", "root-nsd"), Server("b.servers.", "root-knotd"), Server("c.servers.", "root-named")),
        seal=Seal(Signer.BIND, pair(8)),
        vouched=(Vouch(Key(8, KSK)),),
        worth=Worth.SECURE,
    ),
    _top("bind.", Seal(Signer.BIND, pair(13))),
    _top("knot.", Seal(Signer.KNOT, pair(8), Denial(0))),
    _top("ldns.", Seal(Signer.LDNS, pair(14), Denial(0, opt_out=True))),
    replace(_top("cases.", Seal(Signer.BIND, PAIR)), damage="delegations"),
    _top("hashed.", Seal(Signer.KNOT, SINGLE, Denial(0, opt_out=True))),
)  # fmt: skip

SEALED: tuple[Zone, ...] = (*TOPS, *_matrix(), *DELEGATIONS, *SIGNATURES, *KEYS, *CONTENTS, *COMPACT, *DEPTHS)
