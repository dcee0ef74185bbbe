"""Lease files of other servers: every line is a lease or is told, and what is written is read again the same."""

import json

import pytest

from anchorhold.leases import dnsmasq, kea, own
from anchorhold.leases.rows import Foreign, Row

HEAD4 = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id"
HEAD6 = (
    "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,"
    "hwaddr,state,user_context,hwtype,hwaddr_source,pool_id"
)
MAC, DUID = "02:00:5e:10:00:01", "00:03:00:01:02:00:5e:10:00:01"

DNSMASQ = f"""\
1800003600 {MAC} 192.0.2.20 laptop 01:{MAC}
0 06-02:00:5e:10:00:02 192.0.2.21 * *
duid 00:01:00:01:2d:b5:b6:bd:52:54:00:12:34:56
1800007200 6291457 2001:db8::14 laptop {DUID}
"""


def test_a_file_of_dnsmasq_is_read_whole() -> None:
    found = dnsmasq.read(DNSMASQ, "file")
    assert ([], 0) == (found.wrong, found.ended)
    raw, duid = MAC.replace(":", ""), DUID.replace(":", "")
    assert [
        Foreign(
            kind="address4",
            address="192.0.2.20",
            until=1_800_003_600,
            hardware=raw,
            client_id="01" + raw,
            name="laptop",
            where="file:1",
        ),
        Foreign(
            kind="address4", address="192.0.2.21", until=0, hardware="02005e100002", htype=6, name="", where="file:2"
        ),
        Foreign(
            kind="address6",
            address="2001:db8::14",
            until=1_800_007_200,
            iaid=6_291_457,
            duid=duid,
            name="laptop",
            where="file:4",
        ),
    ] == found.leases


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("nonsense here", "2 fields, not 5"),
        (f"1 {MAC} 192.0.2 * *", "'192.0.2' is no IP address"),
        (f"soon {MAC} 192.0.2.1 * *", "the end 'soon' is no number"),
        ("1 laptop 192.0.2.1 * *", "'laptop' is no hardware address"),
        (f"1 {MAC} 192.0.2.1 * 0", "the identifier '0' is not octets"),
        (f"1 T12 2001:db8::1 * {DUID}", "IA_TA"),
        (f"1 x 2001:db8::1 * {DUID}", "the IAID 'x' is no number"),
    ],
)
def test_a_line_of_dnsmasq_that_is_no_lease_is_told_with_its_number(line: str, why: str) -> None:
    found = dnsmasq.read(f"{DNSMASQ}{line}\n", "file")
    (wrong,) = found.wrong
    assert wrong.startswith("file:5: ")
    assert why in wrong
    assert 3 == len(found.leases)


KEA4 = f"""{HEAD4}
192.0.2.30,{MAC},01:{MAC},3600,1800003600,1,0,0,tv.home.arpa.,0,,0
192.0.2.31,{MAC},,3600,1800003600,1,0,0,,0,,0
192.0.2.32,{MAC},,3600,1800003600,1,0,0,a&#x2cb,0,,0
192.0.2.30,{MAC},01:{MAC},3600,1800009999,1,0,0,tv.home.arpa.,0,,0
192.0.2.31,{MAC},,0,1800003600,1,0,0,,0,,0
192.0.2.33,,,86400,1800003600,1,0,0,,1,,0
192.0.2.34,{MAC},,4294967295,5,1,0,0,,0
192.0.2.35,{MAC},,3600,1800003600,1,0,0,,2,,0
"""


def test_of_kea_s_lines_the_last_counts_and_only_in_state_0() -> None:
    found = kea.read(KEA4, "file")
    assert [] == found.wrong
    shown = [(lease.address, lease.until, lease.duration, lease.name, lease.where) for lease in found.leases]
    assert [
        ("192.0.2.32", 1_800_003_600, 3_600, "a,b", "file:4"),
        ("192.0.2.30", 1_800_009_999, 3_600, "tv.home.arpa", "file:5"),
        ("192.0.2.34", 0, 0, "", "file:8"),
    ] == shown
    assert 5 == found.ended


def test_kea_s_ipv6_leases_are_addresses_and_prefixes() -> None:
    text = (
        f"{HEAD6}\n2001:db8::5,{DUID},3600,1800003600,1,1800,0,7,128,0,0,box,,0,,,,0\n"
        f"2001:db8:1::,{DUID},3600,1800003600,1,1800,2,9,56,0,0,,{MAC},0,,1,0,0\n"
        f"2001:db8::6,{DUID},3600,1800003600,1,1800,1,7,128,0,0,box,,0,,,,0\n"
    )
    found = kea.read(text, "file")
    assert [("address6", 7, 128, ""), ("prefix6", 9, 56, "02005e100001")] == [
        (lease.kind, lease.iaid, lease.length, lease.hardware) for lease in found.leases
    ]
    assert ["file:4: lease_type '1': temporary addresses (IA_TA) are not given here"] == found.wrong


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("192.0.2.40,x,,3600,1,1,0,0,,0,,0", "hwaddr 'x'"),
        (f"192.0.2.999,{MAC},,3600,1,1,0,0,,0,,0", "no IP address"),
        (f"192.0.2.40,{MAC},,x,1,1,0,0,,0,,0", "valid_lifetime 'x'"),
        (f"192.0.2.40,{MAC},,3600,-1,1,0,0,,0,,0", "expire '-1'"),
        (f"192.0.2.40,{MAC},,3600,1,1,0,0,,7,,0", "state '7'"),
        ("192.0.2.40,,", "3 fields where the first line has 12"),
    ],
)
def test_a_line_of_kea_s_that_is_no_lease_is_told_with_its_number(line: str, why: str) -> None:
    found = kea.read(f"{KEA4}{line}\n", "file")
    (wrong,) = found.wrong
    assert wrong.startswith("file:10: ")
    assert why in wrong


def test_a_line_that_cannot_be_read_does_not_leave_what_was_before_it_at_its_address() -> None:
    found = kea.read(f"{KEA4}192.0.2.32,x,,3600,1,1,0,0,,0,,0\n", "file")
    assert "192.0.2.32" not in {lease.address for lease in found.leases}


def test_a_file_without_kea_s_first_line_is_no_use() -> None:
    assert "no first line of Kea's" in kea.read("192.0.2.1,a,b\n", "file").wrong[0]
    assert "no first line of Kea's" in kea.read("", "file").wrong[0]


# Written.


def row(kind: str, address: str, identifier: tuple[str, str] | None, **more: object) -> Row:
    known = None if identifier is None else {"kind": identifier[0], "octets": identifier[1]}
    made: Row = {
        "kind": kind,
        "address": address,
        "length": 32,
        "subnet": "192.0.2.0/24",
        "state": "bound",
        "name": "tv",
    }
    times: Row = {"since": 1, "seen": 2, "until": 1_800_003_600, "duration": 3_600, "renewals": 0, "changing": False}
    return {**made, **times, "iaid": 0, "client": "ab" * 16, "hardware": "", "identifier": known, **more}


ROWS = [
    row("address4", "192.0.2.20", ("client", "0102005e100001")),
    row("address4", "192.0.2.21", ("hardware", "02005e100002"), name=None),
    row("address4", "192.0.2.22", ("client", "ff00000001aabb"), subnet="192.0.2.0/25"),
    row("address6", "2001:db8::5", ("duid", "0003000102005e100001"), iaid=7, length=128),
    row("prefix6", "2001:db8:1::", ("duid", "0003000102005e100001"), iaid=9, length=56),
    row("address4", "192.0.2.23", None),
]
READ4 = [
    ("192.0.2.20", "02005e100001", "0102005e100001", "tv"),
    ("192.0.2.21", "02005e100002", "", ""),
    ("192.0.2.22", "", "ff00000001aabb", "tv"),
]


def test_what_is_written_for_dnsmasq_is_read_again_and_what_is_not_is_told() -> None:
    text, left = dnsmasq.write(ROWS)
    found = dnsmasq.read(text, "file")
    assert [] == found.wrong
    four = [(one.address, one.hardware.replace("0" * 12, ""), one.client_id, one.name) for one in found.leases[:3]]
    assert READ4 == four
    assert [("2001:db8::5", 7, "0003000102005e100001")] == [(o.address, o.iaid, o.duid) for o in found.leases[3:]]
    assert ["2001:db8:1::: dnsmasq delegates no prefixes", "192.0.2.23: its identifier is not stored here"] == [
        left[0],
        left[1].partition(",")[0],
    ]


def test_what_is_written_for_kea_is_read_again_with_the_subnets_numbers() -> None:
    written = kea.write(ROWS, {"192.0.2.0/24": 4})
    four, six = kea.read(written.four, "file"), kea.read(written.six, "file")
    assert ([], []) == (four.wrong, six.wrong)
    assert READ4 == [(one.address, one.hardware, one.client_id, one.name) for one in four.leases]
    assert [("address6", 7, 128), ("prefix6", 9, 56)] == [(one.kind, one.iaid, one.length) for one in six.leases]
    assert {"192.0.2.0/24": 4, "192.0.2.0/25": 5} == written.subnets
    assert 1 == len(written.left)


def test_our_own_file_has_all_and_the_tags_where_no_identifier_is() -> None:
    found = own.read(own.write([*ROWS, row("address4", "192.0.2.24", None, state="offered")], "k" * 16), "file")
    assert ([], 1, 6) == (found.wrong, found.ended, len(found.leases))
    assert ("", "ab" * 16, "k" * 16) == (found.leases[-1].client_id, found.leases[-1].client_tag, found.leases[-1].key)
    assert ("0102005e100001", "") == (found.leases[0].client_id, found.leases[0].client_tag)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "whole?"),
        (json.dumps({"anchorhold-leases": 9, "key": "", "leases": []}), "version 9"),
        (json.dumps({"anchorhold-leases": 1, "key": "", "leases": [{}]}), "missing required field"),
    ],
)
def test_what_is_no_file_of_ours_is_said(text: str, why: str) -> None:
    assert why in own.read(text, "file").wrong[0]
