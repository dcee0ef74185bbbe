"""The digest of a zone (RFC 8976): the RFC's own examples, and dnspython as the oracle."""

import random
import re
import struct
from pathlib import Path

import dns.name
import dns.rdatatype
import dns.zone
import pytest

from resolver.iterate.zonecopy import is_newer, parse_zone
from resolver.iterate.zonemd import Digested, Doubt, Hash, Unverified, compute, verify
from wire.dns.canonical import canonical_key, canonical_rdata
from wire.dns.names import read_name
from wire.errors import Malformed

VECTORS = Path(__file__).parents[1] / "vectors/zonemd"
EXAMPLES = {
    "a1": ("example.", "c68090d90a7aed71"),
    "a2": ("example.", "a3b69bad980a3504"),
    "a3": ("example.", "62e6cf51b02e54b9"),
    "a4": ("uri.arpa.", "1291b78ddf7669b1"),
    "a5": ("root-servers.net.", "f1ca0ccd91bd5573"),
}
UNREADABLE = r"(?m)^\S+\s+(\d+)\s+IN\s+ZONEMD\s+(\d+) 241 1 \(\s*(\w+) \)\n"
"""A record of the third example: dnspython takes no digest of 20 octets with hash 1, whatever the scheme."""


def record(owner: bytes, rrtype: int, ttl: int, rdata: bytes) -> bytes:
    return owner + struct.pack("!HHIH", rrtype, 1, ttl, len(rdata)) + rdata


def wire_of(text: str, origin: str) -> bytes:
    """Every record as written, doubles and strangers too: what a careless server might send."""
    out = []
    for ttl, serial, digest in re.findall(UNREADABLE, text):
        out.append(
            record(read_name(origin), 63, int(ttl), struct.pack("!IBB", int(serial), 241, 1) + bytes.fromhex(digest))
        )
    zone = dns.zone.from_text(re.sub(UNREADABLE, "", text), origin, relativize=False)
    for owner, ttl, rdata in zone.iterate_rdatas():
        out.append(record(owner.to_wire(), rdata.rdtype, ttl, rdata.to_wire()))
    return b"".join(out)


def example(name: str) -> bytes:
    return wire_of((VECTORS / f"{name}.zone").read_text(), EXAMPLES[name][0])


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_of_rfc_8976_appendix_a_verify(name: str) -> None:
    origin, digest = EXAMPLES[name]
    found = verify(parse_zone(example(name), read_name(origin)))
    assert (Hash.SHA384, digest) == (found.algorithm, found.digest.hex()[:16])


def test_the_sha_512_digest_of_the_third_example_verifies_too() -> None:
    zone = parse_zone(example("a3"), read_name("example."))
    claimed = next(rdata[6:] for rdata in zone.nodes[zone.apex][63] if rdata[4:6] == b"\1\2")
    assert claimed == compute(zone, Hash.SHA512)


def test_what_is_twice_there_or_not_of_the_zone_or_in_any_order_changes_nothing() -> None:
    """A.2 has a double and a stranger, which dnspython leaves out already: here they are put in."""
    apex, data = read_name("example."), example("a2")
    double = record(read_name("duplicate.example."), 16, 300, b"\x1cI must be digested just once")
    stranger = record(read_name("foo.test."), 16, 555, b"\x01x")
    assert double in data
    assert verify(parse_zone(data, apex)) == verify(parse_zone(double + stranger + data + double, apex))


@pytest.mark.parametrize("at", [0.2, 0.5, 0.99])
def test_one_wrong_octet_is_noticed(at: float) -> None:
    data = bytearray(example("a5"))
    place = data.index(
        bytes((192, 33, 4, 12)) if at < 0.4 else bytes((193, 0, 14, 129)) if at < 0.9 else bytes((202, 12))
    )
    data[place] ^= 1
    with pytest.raises(Unverified) as caught:
        verify(parse_zone(bytes(data), read_name("root-servers.net.")))
    assert caught.value.doubt is Doubt.MISMATCH


APEX = read_name("example.")
SOA = read_name("ns.example.") * 2 + struct.pack("!5I", 7, 1800, 900, 604800, 300)
BODY = record(APEX, 6, 300, SOA) + record(APEX, 2, 300, read_name("ns.example."))


def claiming(*claims: tuple[int, int, int, bytes]) -> bytes:
    return BODY + b"".join(record(APEX, 63, 300, struct.pack("!IBB", s, scheme, h) + d) for s, scheme, h, d in claims)


RIGHT = compute(parse_zone(BODY, APEX), Hash.SHA384)


@pytest.mark.parametrize(
    ("claims", "doubt"),
    [
        ((), Doubt.ABSENT),
        (((7, 1, 1, b"short"),), Doubt.ABSENT),
        (((8, 1, 1, RIGHT),), Doubt.SERIAL),
        (((7, 2, 1, RIGHT),), Doubt.UNKNOWN),
        (((7, 1, 3, RIGHT),), Doubt.UNKNOWN),
        (((7, 1, 1, RIGHT[:-1]),), Doubt.UNKNOWN),
        (((7, 1, 2, RIGHT),), Doubt.UNKNOWN),
        (((7, 1, 1, RIGHT), (7, 1, 1, bytes(48))), Doubt.UNKNOWN),
        (((7, 1, 1, bytes(48)), (7, 1, 2, bytes(64))), Doubt.MISMATCH),
    ],
)
def test_why_a_zone_is_doubted(claims: tuple[tuple[int, int, int, bytes], ...], doubt: Doubt) -> None:
    with pytest.raises(Unverified) as caught:
        verify(parse_zone(claiming(*claims), APEX))
    assert caught.value.doubt is doubt


def test_one_right_digest_of_several_is_enough() -> None:
    zone = parse_zone(claiming((7, 1, 2, bytes(64)), (7, 1, 1, RIGHT), (6, 1, 1, bytes(48))), APEX)
    assert Digested(7, Hash.SHA384, RIGHT) == verify(zone)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        BODY + b"\0",
        BODY[:-1],
        BODY + record(APEX, 6, 300, SOA[:-1] + b"\1"),
        record(APEX, 6, 300, SOA[:-1]),
        BODY.replace(b"\0\2\0\1", b"\0\2\0\3"),
        BODY + record(APEX, 2, 2**31, APEX),
        BODY + record(APEX, 2, 300, APEX + b"\0"),
        BODY + record(APEX, 15, 300, b"\0"),
        BODY + record(APEX, 46, 300, bytes(17)),
        BODY + b"\xc0\x0c" + record(b"", 2, 300, APEX),
    ],
)
def test_what_is_no_zone_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_zone(data, APEX)


def test_serial_numbers_wrap_around() -> None:
    assert [True, False, True, False, False] == [
        is_newer(2, 1),
        is_newer(1, 1),
        is_newer(5, 2**32 - 5),
        is_newer(2**32 - 5, 5),
        is_newer(2**31, 0),
    ]


def random_zone(chance: random.Random) -> str:
    def name() -> str:
        labels = chance.choices(["a", "B", "c-D", "\\000", "\\200x", "Z9", "*", "a\\.b"], k=chance.randint(1, 4))
        return ".".join(labels) + ".Example."

    rdatas = {
        "NS": lambda: name(),
        "A": lambda: f"192.0.2.{chance.randint(0, 255)}",
        "MX": lambda: f"{chance.randint(0, 99)} {name()}",
        "SRV": lambda: f"0 0 53 {name()}",
        "NAPTR": lambda: f'1 2 "U" "X" "!A!" {name()}',
        "RP": lambda: f"{name()} {name()}",
        "PX": lambda: f"5 {name()} {name()}",
        "KX": lambda: f"5 {name()}",
        "AFSDB": lambda: f"1 {name()}",
        "PTR": lambda: name(),
        "NSEC": lambda: f"{name()} A NS",
        "TXT": lambda: f'"Text {chance.randint(0, 99)}"',
        "SVCB": lambda: f"1 {name()} alpn=dot",
        "RRSIG": lambda: f"A 8 2 300 20261231000000 20261101000000 {chance.randint(1, 9)} {name()} AAAA",
        "TYPE65400": lambda: f"\\# 2 {chance.randint(0, 65535):04x}",
    }
    text = ["Example. 300 IN SOA Ns.Example. Host.Example. 7 1800 900 604800 300"]
    text += [f"{name()} 300 IN {kind} {rdatas[kind]()}" for kind in chance.choices(list(rdatas), k=60)]
    return "\n".join(text) + "\n"


@pytest.mark.parametrize("seed", range(40))
def test_dnspython_computes_the_same_digest(seed: int) -> None:
    chance = random.Random(seed)
    text, algorithm = random_zone(chance), chance.choice(list(Hash))
    zone = dns.zone.from_text(text, "example.", relativize=False, check_origin=False)
    ours = parse_zone(wire_of(text + "Example. 300 IN NS a.Example.\n", "example."), APEX)
    zone = dns.zone.from_text(text + "Example. 300 IN NS a.Example.\n", "example.", relativize=False)
    theirs = zone.compute_digest(dns.zone.DigestHashAlgorithm(algorithm)).digest
    assert theirs == compute(ours, algorithm)


def test_an_a6_and_the_order_of_names() -> None:
    assert b"\x40" + bytes(8) + b"\1a\0" == canonical_rdata(38, b"\x40" + bytes(8) + b"\1A\0")
    assert b"\0" + bytes(16) == canonical_rdata(38, b"\0" + bytes(16))
    names = ["example", "a.example", "yljkjljk.a.example", "Z.a.example", "zABC.a.EXAMPLE", "z.example"]
    names += ["\\001.z.example", "*.z.example", "\\200.z.example"]
    folded = [read_name(name) for name in names]
    assert folded == sorted(sorted(folded), key=canonical_key)


@pytest.mark.parametrize(
    ("rrtype", "rdata"), [(38, b""), (38, b"\x81"), (35, b"\0\0\0\0\1"), (2, b"\x40"), (2, b"\1a"), (2, b"\x3f" * 256)]
)
def test_data_that_lacks_its_names_is_malformed(rrtype: int, rdata: bytes) -> None:
    with pytest.raises(Malformed):
        canonical_rdata(rrtype, rdata)
