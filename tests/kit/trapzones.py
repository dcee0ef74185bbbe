"""The traps: each a zone that its owner signed to keep validators busy, and the question that springs it (`kit.traps`)."""

import random
from collections.abc import Callable
from itertools import pairwise

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdatatype
from dns.rdtypes.ANY.DNSKEY import DNSKEY as Dnskey
from dns.rdtypes.ANY.DS import DS as Ds
from kit.authority import DS, IN, NSEC, RRSIG
from kit.signed import DNSKEY, NSEC3, Hashed, add, sign
from kit.signing import ENTRY_KEY, Signer, private_key
from kit.traps import EVIL, GOOD, Field, Trap, colliding, flags_for, junk, long_rsa, put_signatures, signatures

from wire.dns.signing import key_tag

A, TXT, CNAME = (dns.rdatatype.from_text(kind) for kind in ("A", "TXT", "CNAME"))


def spoiled(kind: dns.rdatatype.RdataType, owner: str, count: int, **changes: object) -> Callable[[Field], None]:
    """Junk in the place of an RRset's signatures in the evil zone."""

    def spoil(tree: Field) -> None:
        zone = tree.zone(EVIL)
        put_signatures(zone, owner, kind, junk(signatures(zone, owner, kind)[0], count, **changes))

    return spoil


def with_keys(keys: Callable[[Field], list[Dnskey]]) -> Callable[[Field], None]:
    """More keys behind the one that signs: it signs them, too."""

    def parents(tree: Field) -> None:
        evil = tree.signed[EVIL]
        add(evil.zone, evil.zone.origin, DNSKEY, evil.signer.dnskey, *keys(tree))
        evil.resign(evil.signer)

    return parents


def collisions(count: int, algorithm: int = 13) -> Callable[[Field], list[Dnskey]]:
    def keys(tree: Field) -> list[Dnskey]:
        mine = tree.signed[EVIL].signer.dnskey
        if algorithm == int(mine.algorithm):
            return colliding(mine, count)
        like = dns.dnssec.make_dnskey(private_key(algorithm, 99).public_key(), algorithm, ENTRY_KEY)  # type: ignore[attr-defined]
        return [like, *colliding(like, count - 1)]

    return keys


def _tag_of(algorithm: int) -> int:
    like = dns.dnssec.make_dnskey(private_key(algorithm, 99).public_key(), algorithm, ENTRY_KEY)  # type: ignore[attr-defined]
    return dns.dnssec.key_id(like)


# -- keys and signatures


def _dear(algorithm: int) -> Trap:
    """The product of keys and signatures on an answer, in an algorithm that is not the entry key's."""
    return Trap(
        f"KeyTrap, algorithm {algorithm}",
        parents=with_keys(collisions(60, algorithm)),
        spoil=spoiled(A, "www", 60, algorithm=algorithm, key_tag=_tag_of(algorithm)),
    )


def _rsa_keys(tree: Field) -> list[Dnskey]:
    return [long_rsa()]


def _rsa_spoil(tree: Field) -> None:
    zone, key = tree.zone(EVIL), long_rsa()
    first = signatures(zone, "www", A)[0].replace(algorithm=8, key_tag=dns.dnssec.key_id(key))
    chance = random.Random(1)
    put_signatures(zone, "www", A, [first.replace(signature=b"\0" + chance.randbytes(511)) for _ in range(60)])


def _junk_on_keys(tree: Field) -> None:
    zone = tree.zone(EVIL)
    put_signatures(zone, "@", DNSKEY, junk(signatures(zone, "@", DNSKEY)[0], 180))


def _vouched_keys(tree: Field) -> None:
    """Each of the colliding keys has its DS."""
    with_keys(collisions(100))(tree)
    keys = list(tree.zone(EVIL).get(tree.zone(EVIL).origin, DNSKEY) or ())
    ds = [dns.dnssec.make_ds(dns.name.from_text(EVIL), key, 2) for key in keys]
    add(tree.zone("example."), dns.name.from_text(EVIL), DS, *ds)


def _below_signed(tree: Field) -> None:
    for origin, _ in tree.below("sub"):
        sign(tree.internet, origin, Signer(origin))


def _malformed_keys(tree: Field) -> list[Dnskey]:
    """CVE-2025-8677: the tags fit, the keys are no keys."""
    wanted, found = dns.dnssec.key_id(tree.signed[EVIL].signer.dnskey), []
    for number in range(20_000):
        head = b"\3\x0d" + number.to_bytes(3, "big")
        for flags in flags_for(wanted - key_tag(b"\0\0" + head)):
            if key_tag(flags + head) == wanted:
                found.append(Dnskey(IN, DNSKEY, int.from_bytes(flags, "big"), 3, 13, head[2:]))
    return found[:2_000]


def tiny_keys(tree: Field) -> list[Dnskey]:
    return [Dnskey(IN, DNSKEY, ENTRY_KEY, 3, 13, n.to_bytes(3, "big")) for n in range(3_000)]


def _hash_trap(tree: Field) -> None:
    """All DS and all keys have one tag; no digest is right but the last one's."""
    with_keys(collisions(200))(tree)
    real = tree.signed[EVIL].signer.ds(4)
    chance = random.Random(2)
    wrong = [real.replace(digest=chance.randbytes(48)) for _ in range(220)]
    add(tree.zone("example."), dns.name.from_text(EVIL), DS, *wrong, real)


def _many_ds(tree: Field) -> None:
    """As many DS as a message holds, with the real one; as many small keys as a message holds, all with other tags."""
    with_keys(tiny_keys)(tree)
    ds = [Ds(IN, DS, n, 13, 2, n.to_bytes(4, "big") * 8) for n in range(1_200)]
    add(tree.zone("example."), dns.name.from_text(EVIL), DS, *ds, tree.signed[EVIL].signer.ds())


def _unknown_ds(tree: Field) -> None:
    ds = [Ds(IN, DS, n, 200, 2, n.to_bytes(4, "big") * 8) for n in range(1_200)]
    add(tree.zone("example."), dns.name.from_text(EVIL), DS, *ds)


def _unfit_keys(wanted: int) -> list[Dnskey]:
    keys = []
    for number in range(30_000):
        head = b"\3\x0d" + number.to_bytes(3, "big")
        flags = ((wanted - key_tag(b"\0\0" + head)) % 65_535).to_bytes(2, "big")
        if not flags[0] & 1 and key_tag(flags + head) == wanted:
            keys.append(Dnskey(IN, DNSKEY, int.from_bytes(flags, "big"), 3, 13, head[2:]))
    return keys


def _unfit(tree: Field) -> None:
    wanted = dns.dnssec.key_id(tree.signed[EVIL].signer.dnskey)
    with_keys(lambda _: _unfit_keys(wanted)[:3_000])(tree)
    real = tree.signed[EVIL].signer.ds()
    ds = [real.replace(digest=n.to_bytes(4, "big") * 8) for n in range(1_200)]
    add(tree.zone("example."), dns.name.from_text(EVIL), DS, *ds)


def _two_hundred(tree: Field) -> None:
    """Each DS is the right one of a key."""
    evil = tree.signed[EVIL]
    keys = [evil.signer.dnskey, *tiny_keys(tree)[:199]]
    with_keys(lambda _: keys[1:])(tree)
    ds = [dns.dnssec.make_ds(evil.zone.origin, key, 2) for key in reversed(keys)]
    add(tree.zone("example."), evil.zone.origin, DS, *ds)


def _mostly_unknown(tree: Field) -> None:
    real = tree.signed[EVIL].signer.ds()
    unknown = [real.replace(algorithm=200, digest=n.to_bytes(4, "big") * 8) for n in range(200)]
    add(tree.zone("example."), dns.name.from_text(EVIL), DS, *unknown, real)


def _unfit_and_good(tree: Field) -> None:
    """Keys with the DS' tag that may not sign: nothing is hashed for them, but they are looked at."""
    wanted = dns.dnssec.key_id(tree.signed[EVIL].signer.dnskey)
    with_keys(lambda _: _unfit_keys(wanted)[:200])(tree)
    real = tree.signed[EVIL].signer.ds()
    ds = [real.replace(digest_type=1, digest=n.to_bytes(4, "big") * 5) for n in range(200)]
    add(tree.zone("example."), dns.name.from_text(EVIL), DS, *ds, real)


# -- answers


def _large_rrset(tree: Field) -> None:
    tree.zone(EVIL).remove("www", "A")
    tree.zone(EVIL).add("\n".join(f"www A 10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(3_500)))


def _other_ttls(tree: Field) -> None:
    """What is hashed is another octet string for each signature."""
    zone = tree.zone(EVIL)
    first = signatures(zone, "www", A)[0]
    put_signatures(zone, "www", A, [s.replace(original_ttl=n) for n, s in enumerate(junk(first, 60))])


def _everything(tree: Field) -> None:
    """A name with 50 types, each with its own signatures."""
    tree.zone(EVIL).add("\n".join(f"all TYPE{65_300 + n} \\# 2 {n:04x}" for n in range(50)))


def _spoil_everything(tree: Field) -> None:
    zone = tree.zone(EVIL)
    for n in range(50):
        kind = dns.rdatatype.RdataType.make(65_300 + n)
        put_signatures(zone, "all", kind, junk(signatures(zone, "all", kind)[0], 8))


def _aliases(tree: Field, count: int = 11) -> None:
    """A chain of aliases, each in a zone of its own with keys that collide."""
    labels = [f"z{n}" for n in range(count)]
    zones = list(tree.below(*labels))
    for (_, zone), (following, _) in pairwise(zones):
        zone.remove("www", "A")
        zone.add(f"www CNAME www.{following}")
    for origin, zone in zones:
        signed = sign(tree.internet, origin, Signer(origin))
        add(zone, zone.origin, DNSKEY, signed.signer.dnskey, *colliding(signed.signer.dnskey, 8))
        signed.resign(signed.signer)
        tree.signed[origin] = signed


def _few_aliases(tree: Field) -> None:
    _aliases(tree, 8)


def _many_keys(tree: Field) -> None:
    """The same chain, and nothing wrong with it but 180 keys in each zone."""
    _aliases(tree)
    for n in range(11):
        signed = tree.signed[f"z{n}.{EVIL}"]
        add(signed.zone, signed.zone.origin, DNSKEY, signed.signer.dnskey, *tiny_keys(tree)[:180])
        signed.resign(signed.signer)


def _large_records(tree: Field) -> None:
    tree.zone(EVIL).add("\n".join(f'www TXT "{n:03} {"x" * 240}"' for n in range(200)))


def _spoil_aliases(tree: Field) -> None:
    """Seven wrong signatures before the right one, on everything that the chain needs."""
    for n in range(11):
        zone = tree.zone(f"z{n}.{EVIL}")
        for owner, kind in (("@", DNSKEY), ("www", CNAME if n < 10 else A)):
            real = signatures(zone, owner, kind)[0]
            put_signatures(zone, owner, kind, [*junk(real, 7), real])


def _deep(tree: Field) -> None:
    """Twenty zones, each below the one before."""
    labels = [".".join(["d"] * n) for n in range(1, 21)]
    for origin, _ in reversed(list(tree.below(*labels))):
        tree.signed[origin] = sign(tree.internet, origin, Signer(origin))


def _unsigned_depth(tree: Field) -> None:
    """A name of a hundred labels whose records came without signatures: is there a delegation on the way?"""
    tree.zone(EVIL).add("u." * 100 + EVIL + " A 192.0.2.80")


def _spoil_depth(tree: Field) -> None:
    zone = tree.zone(EVIL)
    owner = dns.name.from_text("u." * 100 + EVIL)
    zone.nodes[owner].delete_rdataset(IN, RRSIG, A)


# -- absence


def many_nsec(tree: Field) -> None:
    tree.zone(EVIL).add("\n".join(f"n{n:03} A 192.0.2.80" for n in range(60)))


def all_proofs(kind: dns.rdatatype.RdataType, wrong: int) -> Callable[[Field], None]:
    """Every NSEC or NSEC3 of the zone with each denial, behind `wrong` signatures that are not right."""

    def spoil(tree: Field) -> None:
        zone = tree.zone(EVIL)
        owners = [owner for owner, node in zone.nodes.items() if node.get_rdataset(IN, kind)]
        for owner in owners if wrong else ():
            real = signatures(zone, owner, kind)[0]
            put_signatures(zone, owner, kind, [*junk(real, wrong), real])
        found = [rrset for owner in owners if (rrset := zone.get(owner, kind)) is not None]
        zone.proofs = lambda name: found  # type: ignore[method-assign]

    return spoil


def _wide(tree: Field) -> None:
    """NSEC records with all types there are."""
    tree.zone(EVIL).add("\n".join(f"n{n:03} A 192.0.2.80" for n in range(2)))


def _spoil_wide(tree: Field) -> None:
    evil, zone = tree.signed[EVIL], tree.zone(EVIL)
    for owner in [owner for owner, node in zone.nodes.items() if node.get_rdataset(IN, NSEC)]:
        rrset = zone.get(owner, NSEC)
        assert rrset is not None
        windows = tuple((window, b"\xff" * 32) for window in range(255))
        add(zone, owner, NSEC, rrset[0].replace(windows=windows))
    evil.resign(evil.signer)
    all_proofs(NSEC, 0)(tree)


def _hashed(iterations: int, salt: int = 255, **more: bool) -> Hashed:
    return Hashed(iterations, "ab" * salt, **more)


LONGEST = "a." * 115 + EVIL
"""As many labels as a name has room for, nearly."""


def enclosers(tree: Field) -> None:
    """Names of a hundred labels exist, so that the closest encloser is far from the apex."""
    tree.zone(EVIL).add("a." * 110 + EVIL + " A 192.0.2.80")


def _enclosers_and_more(tree: Field) -> None:
    tree.zone(EVIL).add("a." * 8 + EVIL + " A 192.0.2.80\n" + "\n".join(f"n{n} A 192.0.2.80" for n in range(8)))


def _two_salts(tree: Field) -> None:
    """NSEC3 records of two kinds in each denial: the chain in use, and an older one."""
    evil, zone = tree.signed[EVIL], tree.zone(EVIL)
    own = zone.proofs
    rrset = next(found for owner in zone.nodes if (found := zone.get(owner, NSEC3)) is not None)
    other = dns.name.Name((b"0" * 32, *zone.origin.labels))
    add(zone, other, NSEC3, rrset[0].replace(salt=b"old"))
    evil.resign(evil.signer)
    old = zone.get(other, NSEC3)
    zone.proofs = lambda name: [*own(name), old]  # type: ignore[method-assign, list-item]


def _insecure_child(tree: Field) -> None:
    for origin, _ in tree.below("plain"):
        assert origin


def _many_iterations(iterations: int) -> Trap:
    return Trap(f"NSEC3 with {iterations:,} iterations", f"missing.{EVIL} A", hashed=_hashed(iterations))


BENIGN = Trap("nothing", f"www.{GOOD} A")

TRAPS = [
    Trap("KeyTrap, answer", parents=with_keys(collisions(200)), spoil=spoiled(A, "www", 400)),
    *(_dear(algorithm) for algorithm in (14, 15, 16)),
    Trap("KeyTrap, long RSA", parents=with_keys(_rsa_keys), spoil=_rsa_spoil),
    Trap("KeyTrap, keys", parents=with_keys(collisions(200)), spoil=_junk_on_keys),
    Trap("KeyTrap, keys that all have a DS", parents=_vouched_keys, spoil=_junk_on_keys),
    Trap(
        "KeyTrap, DS",
        f"www.sub.{EVIL} A",
        fill=_below_signed,
        parents=with_keys(collisions(200)),
        spoil=spoiled(DS, "sub", 300),
    ),
    Trap("KeyTrap, keys that are none", parents=with_keys(_malformed_keys), spoil=spoiled(A, "www", 400)),
    Trap("SigJam", spoil=spoiled(A, "www", 600)),
    Trap("LockCram", parents=with_keys(collisions(220)), spoil=spoiled(A, "www", 1)),
    Trap("HashTrap", parents=_hash_trap),
    Trap("many DS, many keys", parents=_many_ds),
    Trap("many DS, keys that may not sign", parents=_unfit),
    Trap("many DS, unknown algorithm", parents=_unknown_ds),
    Trap("200 DS, 200 keys", parents=_two_hundred),
    Trap("200 unknown DS beside a good one", parents=_mostly_unknown),
    Trap("200 DS, keys that may not sign", parents=_unfit_and_good),
    Trap("3,000 keys", parents=with_keys(tiny_keys)),
    Trap("3,500 addresses", fill=_large_rrset, spoil=_other_ttls),
    Trap("signatures over 50 kB", f"www.{EVIL} TXT", fill=_large_records, spoil=spoiled(TXT, "www", 60)),
    Trap("ANY", f"all.{EVIL} ANY", fill=_everything, spoil=_spoil_everything),
    Trap("aliases through signed zones", f"www.z0.{EVIL} A", fill=_aliases, spoil=_spoil_aliases),
    Trap("aliases through 8 signed zones, honest", f"www.z0.{EVIL} A", fill=_few_aliases),
    Trap("aliases through 11 signed zones, honest", f"www.z0.{EVIL} A", fill=_aliases),
    Trap("aliases through zones of 180 keys", f"www.z0.{EVIL} A", fill=_many_keys),
    Trap("zones below zones", f"www.{'d.' * 20}{EVIL} A", fill=_deep),
    Trap("unsigned below 100 labels", f"{'u.' * 100}{EVIL} A", fill=_unsigned_depth, spoil=_spoil_depth),
    Trap("60 NSEC", f"missing.{EVIL} A", fill=many_nsec, spoil=all_proofs(NSEC, 0)),
    Trap("60 NSEC, wrong signatures first", f"missing.{EVIL} A", fill=many_nsec, spoil=all_proofs(NSEC, 7)),
    Trap("NSEC with all types", f"missing.{EVIL} A", fill=_wide, spoil=_spoil_wide),
    Trap("NSEC3 encloser, no name", LONGEST + " A", hashed=_hashed(50)),
    Trap("NSEC3 encloser, deep", "b." + "a." * 110 + EVIL + " A", fill=enclosers, hashed=_hashed(50)),
    Trap("NSEC3 encloser, no data", "a." * 110 + EVIL + " AAAA", fill=enclosers, hashed=_hashed(50)),
    Trap(
        "NSEC3 encloser, all records",
        "b." + "a." * 8 + EVIL + " A",
        fill=_enclosers_and_more,
        hashed=_hashed(50, 0),
        spoil=all_proofs(NSEC3, 0),
    ),
    Trap("NSEC3 encloser, two salts", "b." + "a." * 8 + EVIL + " A", fill=enclosers, hashed=_hashed(50, 0), spoil=_two_salts),
    Trap("NSEC3 encloser, insecure referral", f"www.plain.{EVIL} A", fill=_insecure_child, hashed=_hashed(50, opt_out=True)),
    *map(_many_iterations, (50, 51, 150, 500, 2_500)),
    Trap("NSEC3 with 2,500 iterations, insecure referral", f"www.plain.{EVIL} A", fill=_insecure_child, hashed=_hashed(2_500)),
]  # fmt: skip
