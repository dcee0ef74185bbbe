"""What we build, as tshark reads it: every row of the table, overloaded fields, relays, ARP."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from kit.pcap import tshark, write_capture

from wire.dhcp.frames import Arp, Datagram, Operation, build_arp, build_datagram, build_probe
from wire.dhcp.options4 import OPTIONS4
from wire.dhcp.packet4 import Packet4, fit_packet4

US, CLIENT = b"\x02\0\x5e\0\x53\1", b"\x02\0\x5e\0\x53\2"
SERVER, ADDRESS, RELAY = bytes((192, 0, 2, 1)), bytes((192, 0, 2, 100)), bytes((198, 51, 100, 1))
REMARK = re.compile(r"(Boot file|Server) name option overloaded by DHCP")
"""What tshark remarks without calling it wrong."""
GOOD = ["1"]
"""What tshark says of a checksum that is right."""
MADE_BY_MESSAGES = {52, 53, 54}
EXAMPLES = {row.number: row.codec.from_text(row.codec.example) for row in OPTIONS4.rows}


def reply(options: dict[int, bytes], limit: int = 1_500, **fields: Any) -> bytes:
    packet = Packet4(2, 1, 0, 0x0A0B0C0D, 7, 0x8000, bytes(4), ADDRESS, SERVER, RELAY, CLIENT, b"", b"", options)
    data, dropped = fit_packet4(packet._replace(**fields), limit)
    assert () == dropped
    return build_datagram(Datagram(US, CLIENT, SERVER, ADDRESS, 67, 68, data))


def ack(options: dict[int, bytes]) -> dict[int, bytes]:
    return {53: b"\5", 54: SERVER, **options}


def decode(folder: Path, frames: Sequence[bytes]) -> list[dict[str, list[str]]]:
    """The fields of every frame, by tshark's names; none of them may be called wrong."""
    capture = folder / "frames.pcap"
    write_capture(capture, frames)
    checked = ("-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE")
    lines = [line for line in tshark(capture, "-T", "ek", *checked).splitlines() if '"layers"' in line]
    assert len(frames) == len(lines)
    return [_flat(json.loads(line, object_pairs_hook=Pairs)) for line in lines]


class Pairs(list[tuple[str, Any]]):
    """A JSON object, in which tshark uses a name more than once."""


def _flat(layers: Pairs) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}

    def walk(value: Any, name: str) -> None:
        if isinstance(value, Pairs):
            for inner, one in value:
                walk(one, inner)
        elif isinstance(value, list):
            for one in value:
                walk(one, name)
        else:
            found.setdefault(name, []).append(str(value))

    walk(layers, "")
    said = {name: values for name, values in found.items() if "expert" in name or "malformed" in name}
    assert {} == said or all(REMARK.fullmatch(text) for text in said["_ws_expert__ws_expert_message"])
    return found


def test_every_option_is_read_as_it_is_meant_without_a_warning(tmp_path: Path) -> None:
    numbers = [number for number in EXAMPLES if number not in MADE_BY_MESSAGES]
    found = decode(tmp_path, [reply(ack({number: EXAMPLES[number]})) for number in numbers])
    for number, fields in zip(numbers, found, strict=True):
        assert ["53", "54", str(number)] == fields["dhcp_dhcp_option_type"][:3]
        assert EXAMPLES[number].hex(":") == ":".join(fields["dhcp_dhcp_option_value"][2:3])
        assert (GOOD, GOOD) == (fields["ip_ip_checksum_status"], fields["udp_udp_checksum_status"])


MEANING = [
    (1, "255.255.255.0", "dhcp_dhcp_option_subnet_mask", ["255.255.255.0"]),
    (2, "-3600", "dhcp_dhcp_option_time_offset", ["-3600"]),
    (3, "192.0.2.1,192.0.2.2", "dhcp_dhcp_option_router", ["192.0.2.1", "192.0.2.2"]),
    (6, "192.0.2.53", "dhcp_dhcp_option_domain_name_server", ["192.0.2.53"]),
    (15, "home.arpa", "dhcp_dhcp_option_domain_name", ["home.arpa"]),
    (19, "true", "dhcp_dhcp_option_ip_forwarding", ["True"]),
    (21, "192.0.2.0 255.255.255.0", "dhcp_dhcp_option_policy_filter_subnet_mask", ["255.255.255.0"]),
    (25, "68,1500", "dhcp_dhcp_option_path_mtu_plateau_table_item", ["68", "1500"]),
    (26, "1500", "dhcp_dhcp_option_interface_mtu", ["1500"]),
    (33, "198.51.100.7 192.0.2.1", "dhcp_dhcp_option_static_route_router", ["192.0.2.1"]),
    (42, "192.0.2.123", "dhcp_dhcp_option_ntp_server", ["192.0.2.123"]),
    (58, "30m", "dhcp_dhcp_option_renewal_time_value", ["1800"]),
    (66, "boot.example", "dhcp_dhcp_option_tftp_server_name", ["boot.example"]),
    (67, "pxe/image", "dhcp_dhcp_option_bootfile_name", ["pxe/image"]),
    (100, "CET-1CEST", "dhcp_dhcp_option_tz_pcode", ["CET-1CEST"]),
    (101, "Europe/Berlin", "dhcp_dhcp_option_tz_tcode", ["Europe/Berlin"]),
    (114, "https://example.org/api", "dhcp_dhcp_option_captive_portal", ["https://example.org/api"]),
    (119, "eng.apple.com,marketing.apple.com", "dhcp_dhcp_option_dhcp_dns_domain_search_list_fqdn",
     ["eng.apple.com", "marketing.apple.com"]),
    (120, "a.example", "dhcp_dhcp_option_sip_server_name", ["a.example"]),
    (125, "32473 1=0a0b", "dhcp_dhcp_option_vi_enterprise", ["32473"]),
    (138, "192.0.2.9", "dhcp_dhcp_option_capwap_access_controller", ["192.0.2.9"]),
    (150, "192.0.2.8", "dhcp_dhcp_option_tftp_server_address", ["192.0.2.8"]),
    (159, "6 8 256", "dhcp_dhcp_option_portparams_psid_length", ["8"]),
    (209, "pxelinux.cfg/default", "dhcp_dhcp_option_pxe_config_file", ["pxelinux.cfg/default"]),
    (212, "8 32 2001:db8:: 192.0.2.1", "dhcp_dhcp_option_6RD_prefix", ["2001:db8::"]),
]  # fmt: skip


def test_what_people_wrote_is_what_the_other_side_understands(tmp_path: Path) -> None:
    found = decode(tmp_path, [reply(ack(dict([OPTIONS4.from_text(code, text)]))) for code, text, _, _ in MEANING])
    read = [
        (code, text, name, fields.get(name, [])) for (code, text, name, _), fields in zip(MEANING, found, strict=True)
    ]
    assert MEANING == read


def test_the_header_and_the_addresses_are_where_they_belong(tmp_path: Path) -> None:
    (fields,) = decode(tmp_path, [reply(ack({}), sname=b"boot", file=b"image")])
    expected = {
        "eth_eth_dst": "02:00:5e:00:53:02", "ip_ip_src": "192.0.2.1", "ip_ip_dst": "192.0.2.100", "ip_ip_flags_df": "True",
        "udp_udp_srcport": "67", "udp_udp_dstport": "68", "dhcp_dhcp_type": "2", "dhcp_dhcp_hw_type": "0x01",
        "dhcp_dhcp_hw_len": "6", "dhcp_dhcp_id": "0x0a0b0c0d", "dhcp_dhcp_secs": "7", "dhcp_dhcp_flags_bc": "True",
        "dhcp_dhcp_ip_client": "0.0.0.0", "dhcp_dhcp_ip_your": "192.0.2.100", "dhcp_dhcp_ip_server": "192.0.2.1",
        "dhcp_dhcp_ip_relay": "198.51.100.1", "dhcp_dhcp_hw_mac_addr": "02:00:5e:00:53:02", "dhcp_dhcp_server": "boot",
        "dhcp_dhcp_file": "image", "dhcp_dhcp_option_dhcp": "5", "dhcp_dhcp_option_dhcp_server_id": "192.0.2.1",
    }  # fmt: skip
    assert expected == {name: fields[name][0] for name in expected}


def test_options_in_file_and_sname_are_found(tmp_path: Path) -> None:
    options = ack({43: bytes(range(1, 11)) * 24, 66: b"a" * 100, 67: b"b" * 50})
    (fields,) = decode(tmp_path, [reply(options, 576)])
    assert "52" in fields["dhcp_dhcp_option_type"]
    assert {66, 67} <= {int(code) for code in fields["dhcp_dhcp_option_type"]}
    assert ["a" * 100] == fields["dhcp_dhcp_option_tftp_server_name"]
    assert ["b" * 50] == fields["dhcp_dhcp_option_bootfile_name"]


def test_a_relay_is_echoed_behind_everything_else(tmp_path: Path) -> None:
    (fields,) = decode(tmp_path, [reply({82: b"\1\4eth7\2\2ab\5\4\xc0\0\2\1\x0b\4\xc0\0\2\2", **ack({6: SERVER})})])
    assert ["53", "54", "6", "82"] == fields["dhcp_dhcp_option_type"][:4]
    assert ["65:74:68:37"] == fields["dhcp_dhcp_option_agent_information_option_agent_circuit_id"]
    assert ["192.0.2.1"] == fields["dhcp_dhcp_option_agent_information_option_link_selection"]
    assert ["192.0.2.2"] == fields["dhcp_dhcp_option_agent_information_option_server_id_override"]


def test_any_choice_of_options_is_read_as_built(tmp_path: Path) -> None:
    chance = Random(4)
    numbers = [number for number in EXAMPLES if number not in MADE_BY_MESSAGES]
    choices = [chance.sample(numbers, chance.randrange(1, 14)) for _ in range(300)]
    found = decode(tmp_path, [reply(ack({number: EXAMPLES[number] for number in choice})) for choice in choices])
    for choice, fields in zip(choices, found, strict=True):
        kinds = [int(code) for code in fields["dhcp_dhcp_option_type"]]
        assert sorted([53, 54, *choice]) == sorted(kind for kind in kinds if kind)
        assert [53, 54] == kinds[:2]


def test_arp_is_read_as_built(tmp_path: Path) -> None:
    probe = build_probe(US, ADDRESS)
    answer = build_arp(Arp(Operation.REPLY, CLIENT, ADDRESS, US, SERVER), US)
    asked, told = decode(tmp_path, [probe, answer])
    assert (["True"], ["192.0.2.100"], ["1"]) == (
        asked["arp_arp_isprobe"], asked["arp_arp_dst_proto_ipv4"], asked["arp_arp_opcode"],
    )  # fmt: skip
    assert (["2"], ["02:00:5e:00:53:02"]) == (told["arp_arp_opcode"], told["arp_arp_src_hw_mac"])


@pytest.mark.parametrize("wrong", [b"\x06\3\xc0\0\2", b"\x75\2\0\1"], ids=["half an address", "a service nobody knows"])
def test_the_reader_says_it_where_something_is_wrong(wrong: bytes, tmp_path: Path) -> None:
    """Else the tests above would prove nothing."""
    with pytest.raises(AssertionError, match=r"expert|malformed"):
        decode(tmp_path, [reply(ack({wrong[0]: wrong[2:]}))])


def test_the_reader_says_it_where_a_checksum_is_wrong(tmp_path: Path) -> None:
    frame = bytearray(reply(ack({})))
    frame[60] ^= 1
    with pytest.raises(AssertionError, match="expert"):
        decode(tmp_path, [bytes(frame)])
