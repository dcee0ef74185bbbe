"""IANA's document of the root's keys: read strictly, every error with its line."""

import random
from datetime import UTC, datetime

import pytest
from kit.iana import KSK_2017, KSK_2017_DIGEST, KSK_2024, KSK_2024_DIGEST, digest, document

from resolver.dnssec.iana import MAX_OCTETS, NotAnchors, read_root_anchors
from wire.units import Epoch

SINCE = "2024-07-18T00:00:00+00:00"
GOOD = digest(38696, KSK_2024_DIGEST, SINCE, public=KSK_2024)


def at(*date: int) -> Epoch:
    return Epoch(datetime(*date, tzinfo=UTC).timestamp())  # type: ignore[arg-type]


def test_the_three_keys_published_so_far_each_with_its_time() -> None:
    found = read_root_anchors(document())
    assert ("0C05FDD6", "http://data.example/root-anchors.xml") == (found.id, found.source)
    tags = {
        date: [d.record.tag for d in found.valid_at(at(*date))] for date in ((2010, 1, 1), (2018, 1, 1), (2026, 1, 1))
    }
    assert {(2010, 1, 1): [], (2018, 1, 1): [19036, 20326], (2026, 1, 1): [20326, 38696]} == tags
    assert [None, 20326, 38696] == [d.key and d.key.tag for d in found.digests]


def test_the_end_is_not_part_of_the_time() -> None:
    found = read_root_anchors(document())
    assert [19036, 20326] == [d.record.tag for d in found.valid_at(Epoch(at(2019, 1, 11) - 1))]
    assert [20326] == [d.record.tag for d in found.valid_at(at(2019, 1, 11))]


def test_what_it_says_is_what_is_packaged() -> None:
    from pathlib import Path

    from resolver.dnssec.anchors import read_anchors

    packaged = read_anchors((Path(__file__).parents[2] / "trust-anchors/root.ds").read_text())
    found = read_root_anchors(document()).valid_at(at(2026, 1, 1))
    assert [anchor.records[0] for anchor in packaged] == [d.record for d in found]


WRONG = {
    "empty": (b"", "line 1: this is no XML"),
    "text": (b"root anchors", "line 1: this is no XML"),
    "cut": (document(GOOD)[:-5], "no XML"),
    "latin": (document(GOOD).replace(b"UTF-8", b"ISO-8859-1"), "line 1: the encoding is ISO-8859-1"),
    "utf-16": (document(GOOD).decode().encode("utf-16"), "line 1: this is not UTF-8"),
    "doctype": (
        document(GOOD).replace(b"<TrustAnchor", b'<!DOCTYPE x [<!ENTITY a "b">]>\n<TrustAnchor', 1),
        "line 2: a document type declaration",
    ),
    "entity": (document(GOOD).replace(b"<Zone>.", b"<Zone>&a;"), "line 3: this is no XML: undefined entity"),
    "instruction": (document(GOOD).replace(b"<Zone>", b"<?php ?><Zone>"), "processing instruction"),
    "top": (b"<Anchors/>", "line 1: <Anchors> does not belong at the top"),
    "deep": (b"<TrustAnchor id='a' source='b'>" + b"<Zone>" * 9, "<Zone> does not belong into <Zone>"),
    "unknown": (document(GOOD.replace("KeyTag>", "Tag>")), "line 5: <Tag> does not belong into <KeyDigest>"),
    "no id": (document(GOOD).replace(b' id="K"', b""), "line 4: <KeyDigest> has no id"),
    "attribute": (document(GOOD).replace(b' id="K"', b' id="K" x=""'), "unknown attribute x"),
    "no source": (document(GOOD).replace(b" source=", b" sauce="), "line 2: <TrustAnchor> has no source"),
    "loose text": (document("x" + GOOD), "line 2: <TrustAnchor> holds text beside"),
    "no zone": (document(GOOD).replace(b"<Zone>.</Zone>", b""), "has 0 elements <Zone>"),
    "other zone": (document(GOOD).replace(b"<Zone>.<", b"<Zone>com.<"), "line 3: the zone is 'com.'"),
    "two zones": (document("<Zone>.</Zone>", GOOD), "has 2 elements <Zone>"),
    "no digest at all": (document("<!-- none -->"), "0 KeyDigest elements"),
    "many": (document(GOOD * 33), "33 KeyDigest elements"),
    "two tags": (document(GOOD.replace("<Algo", "<KeyTag>1</KeyTag><Algo")), "has 2 elements <KeyTag>"),
    "no digest": (
        document(GOOD.replace("<Digest>", "<Flags>").replace("</Digest>", "</Flags>")),
        "has 0 elements <Digest>",
    ),
    "large tag": (
        document(digest(70000, KSK_2024_DIGEST, SINCE)),
        "line 5: KeyTag is '70000', not a number from 0 to 65535",
    ),
    "negative": (document(GOOD.replace("<DigestType>2", "<DigestType>-2")), "DigestType is '-2'"),
    "algorithm": (document(digest(1, KSK_2024_DIGEST, SINCE, algorithm=256)), "Algorithm is '256'"),
    "no hex": (document(digest(1, "xy" * 32, SINCE)), "line 6: the digest is not hexadecimal"),
    "short": (document(digest(1, "ab" * 31, SINCE)), "31 octets, not as many as digest type 2"),
    "empty digest": (document(digest(1, "", SINCE).replace("DigestType>2", "DigestType>9")), "0 octets"),
    "no time": (document(digest(1, "ab" * 32, "yesterday")), "line 4: validFrom is 'yesterday'"),
    "no zone of time": (document(digest(1, "ab" * 32, "2024-07-18T00:00:00")), "validFrom is"),
    "no such day": (document(digest(1, "ab" * 32, "2024-02-30T00:00:00Z")), "validFrom is"),
    "until": (document(digest(1, "ab" * 32, SINCE, "never")), "validUntil is 'never'"),
    "no flags": (document(GOOD.replace("<Flags>257</Flags>", "")), "has 0 elements <Flags>"),
    "no key": (document(GOOD.replace(f"<PublicKey>{KSK_2024}</PublicKey>", "")), "has 0 elements <PublicKey>"),
    "no base64": (document(GOOD.replace(KSK_2024, "!")), "the public key is not base64"),
    "other key": (document(GOOD.replace(KSK_2024, KSK_2017)), "tag or digest are not those of the public key"),
    "other digest": (document(digest(38696, KSK_2017_DIGEST, SINCE, public=KSK_2024)), "not those of the public key"),
    "large": (document(GOOD) + b" " * MAX_OCTETS, "larger than 65536 octets"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_with_its_line(name: str) -> None:
    data, expected = WRONG[name]
    with pytest.raises(NotAnchors) as refused:
        read_root_anchors(data)
    assert expected in str(refused.value)
    assert "line " in str(refused.value) or name == "large"


def test_a_digest_of_an_unknown_type_is_read_whatever_its_length() -> None:
    (found,) = read_root_anchors(document(digest(1, "abcd", SINCE).replace("DigestType>2<", "DigestType>9<"))).digests
    assert (9, b"\xab\xcd") == (found.record.digest_type, found.record.digest)


def test_comments_fractions_and_other_zones_of_time_are_read() -> None:
    text = digest(1, "ab" * 32, "2024-07-18T02:00:00.5+02:00", "2024-07-18T00:00:01Z")
    (found,) = read_root_anchors(document("<!-- hello -->", text)).digests
    assert (at(2024, 7, 18) + 0.5, at(2024, 7, 18) + 1) == (found.since, found.until)


def test_no_document_makes_it_stumble() -> None:
    """Ten thousand documents with a few octets changed: read, or refused."""
    source, good = random.Random(9718), document()
    refused = 0
    for _ in range(10_000):
        data = bytearray(good)
        for _ in range(source.randrange(1, 4)):
            data[source.randrange(len(data))] = source.choice(b'<>&"0A \xff')
        try:
            read_root_anchors(bytes(data))
        except NotAnchors:
            refused += 1
    assert 0 < refused < 10_000
