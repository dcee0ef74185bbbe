"""A root zone file: text in, records in wire form out."""

import pytest
from kit.rootzone import SMALL, with_digest

from anchorhold.config.errors import Wrong
from anchorhold.config.root_zone import read_root_zone
from resolver.iterate.zonecopy import parse_zone
from resolver.iterate.zonemd import verify
from wire.dns.names import ROOT


def test_the_records_come_out_with_the_soa_first_and_their_digest_verifies() -> None:
    data = read_root_zone(with_digest(SMALL))
    assert b"\0\0\6\0\1" == data[:5]
    assert 2026112400 == verify(parse_zone(data, ROOT)).serial


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "has no SOA record"),
        (SMALL.replace(". 518400 IN NS ", ". 518400 IN TXT "), "has no NS records"),
        (SMALL.replace("192.0.2.1", "192.0.2.256"), "line 16: "),
        (SMALL.replace("AAAA 2001:db8::1", "AAAX 2001:db8::1"), "line 17: unknown"),
        ("$INCLUDE /etc/passwd\n" + SMALL, "line 1: "),
        ("$GENERATE 1-1000000000 a$ A 192.0.2.1\n" + SMALL, "line 1: "),
        ("<html>\n", "line 1: "),
        (SMALL + "\0\n", "line 24: "),
    ],
)
def test_what_is_no_root_zone_is_said_with_its_line(text: str, what: str) -> None:
    with pytest.raises(Wrong, match=what):
        read_root_zone(text)
