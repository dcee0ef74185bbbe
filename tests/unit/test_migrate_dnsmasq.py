"""dnsmasq's configuration, line by line: nothing is silent, and what it means is what is written."""

import tomllib
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.migrated import CORPUS, FOUND

from anchorhold.config.load import load
from anchorhold.migrate import Migration
from anchorhold.migrate.dnsmasq import migrate
from anchorhold.migrate.dnsmasq_dhcp import read_lease
from anchorhold.migrate.dnsmasq_file import Refused, plain, split_line
from anchorhold.migrate.dnsmasq_keywords import DROPPED, FLAGS, HANDLED, KEPT, KEYWORDS, ONCE, OPTIONAL
from anchorhold.migrate.dnsmasq_options import octets_of
from anchorhold.migrate.dnsmasq_run import Useless, read_network
from anchorhold.migrate.dnsmasq_tags import hardware_prefix
from anchorhold.migrate.reading import Reader, Unreadable
from anchorhold.migrate.report import Verdict
from anchorhold.migrate.settle import settled
from anchorhold.migrate.words import reverse_zones

NET = "interface=lan0\ndhcp-range=192.168.7.100,192.168.7.150,255.255.255.0,12h\n"


def migrated(folder: Path, text: str) -> tuple[dict[str, Any], Migration]:
    """Our configuration as values, once the loader took it."""
    path = folder / "dnsmasq.conf"
    path.write_text(f"no-hosts\n{text}\n")
    migration = migrate((path,), Reader())
    made = settled(migration, folder / "anchorhold.toml", "test")
    load(made, str(folder / "anchorhold.toml"))
    assert migration.report.unsaid() == []
    return tomllib.loads(made), migration


def verdicts(migration: Migration) -> list[str]:
    """Of all lines but the first."""
    return [line.verdict.value for line in migration.report.lines[1:] if line.verdict]


def test_every_keyword_has_one_place() -> None:
    assert len(KEYWORDS) == 194
    assert len(HANDLED) + len(KEPT) + len(DROPPED) == 194
    assert FLAGS | OPTIONAL | ONCE <= KEYWORDS
    assert not FLAGS & OPTIONAL


@pytest.mark.parametrize("keyword", sorted(KEYWORDS))
def test_a_line_of_any_keyword_is_told(tmp_path: Path, keyword: str) -> None:
    values = ["", "=", "=x", "=1", "=/a.example/192.0.2.1", "=set:a,tag:b,1,2", "=192.0.2.1,static"]
    if keyword in {"conf-dir", "dhcp-hostsdir", "dhcp-optsdir"}:
        values = [f"={tmp_path}/none"]
    for value in values:
        for before in ("", NET):
            _, migration = migrated(tmp_path, f"{before}{keyword}{value}")
            last = migration.report.lines[-1]
            assert last.verdict is Verdict.KEPT or (last.verdict is not None and last.reason)


@pytest.mark.parametrize("file", [*sorted(CORPUS.glob("*.conf")), *FOUND], ids=lambda path: path.name)
def test_every_line_of_the_corpus_is_told_and_the_result_loads(file: Path, tmp_path: Path) -> None:
    # Files of others name files of their machines; this one's are none of their business.
    migration = migrate((file,), Reader(tmp_path) if file in FOUND else Reader())
    made = settled(migration, tmp_path / "anchorhold.toml", "test")
    load(made, str(tmp_path / "anchorhold.toml"))
    assert migration.report.unsaid() == []
    lines = sum(len(Path(name).read_text().splitlines()) for name in migration.report.files)
    assert lines == len(migration.report.lines) + migration.report.blank
    refused = [
        line
        for line in migration.report.lines
        if "refused by our own" in line.reason or "itself refuses" in line.reason
    ]
    assert refused == []


@pytest.mark.parametrize(
    ("line", "keyword", "value"),
    [
        ("server = 192.0.2.1 ", "server", "192.0.2.1"),
        ("domain-needed", "domain-needed", None),
        ("  # all a comment", "", None),
        ("port=53 # behind white space", "port", "53"),
        ("address=/x/1.2.3.4#c", "address", "/x/1.2.3.4#c"),
        ('txt-record=a,"b,c # d"', "txt-record", "a,b,c # d"),
        (r'dhcp-option=252,"\n\"\\"', "dhcp-option", '252,\n"\\'),
    ],
)
def test_a_line_is_read_as_dnsmasq_reads_it(line: str, keyword: str, value: str | None) -> None:
    found, text = split_line(line)
    assert (found, None if text is None else plain(text)) == (keyword, value)


def test_what_dnsmasq_refuses_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused):
        split_line('server="1')
    text = "--port=53\nbogus-priv=1\nserver\nport=53\nport=54\nno-such-thing=1\n" + "x" * 2_000
    _, migration = migrated(tmp_path, text)
    assert verdicts(migration) == ["dropped", "dropped", "dropped", "kept", "dropped", "dropped", "dropped"]


def test_folders_are_read_as_dnsmasq_reads_them(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    for name in ("b.conf", "a.conf", ".hidden.conf", "old.conf~", "#x#", "c.bak"):
        (folder / name).write_text(f"address=/{name.strip('.#~')}.example/#\n")
    taken, _ = migrated(tmp_path, f"conf-dir={folder},*.conf")
    assert taken["rule"][0]["domains"] == ["a.conf.example", "b.conf.example"]
    left, _ = migrated(tmp_path, f"conf-dir={folder},.bak")
    assert left["rule"][0]["domains"] == ["a.conf.example", "b.conf.example"]
    _, missing = migrated(tmp_path, f"conf-dir={folder}/none")
    assert verdicts(missing) == ["dropped"]


def test_a_file_that_includes_itself_is_read_once(tmp_path: Path) -> None:
    _, migration = migrated(tmp_path, f"conf-file={tmp_path}/dnsmasq.conf")
    assert len(migration.report.lines) == 2


def test_programs_are_not_run(tmp_path: Path) -> None:
    _, migration = migrated(tmp_path, f"conf-script=/usr/bin/touch {tmp_path}/ran\ndhcp-script=/bin/true")
    assert verdicts(migration) == ["dropped", "dropped"]
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("keyword", ["add-mac", "add-subnet", "umbrella", "log-queries", "log-dhcp"])
def test_what_hurts_privacy_is_told_and_not_carried(tmp_path: Path, keyword: str) -> None:
    made, migration = migrated(tmp_path, keyword)
    bare, _ = migrated(tmp_path, "")
    assert verdicts(migration) == ["dropped"]
    assert made == bare


# Servers.


def test_without_an_upstream_nobody_is_asked_but_the_root(tmp_path: Path) -> None:
    made, migration = migrated(tmp_path, "no-resolv")
    assert made["resolve"] == {"mode": "iterate"}
    assert any("no upstream" in advice for advice in migration.report.advice)


def test_a_server_in_clear_text_is_opportunistic_and_told(tmp_path: Path) -> None:
    made, migration = migrated(tmp_path, "server=192.0.2.1#5353\nserver=192.0.2.2@eth1\nstrict-order")
    group = made["upstreams"]["default"]
    assert group["profile"] == "opportunistic"
    assert group["servers"] == ["udp://192.0.2.1:5353", "udp://192.0.2.2"]
    assert group["strategy"] == "failover"
    assert verdicts(migration) == ["changed", "changed", "kept"]


def test_a_known_operator_is_asked_over_tls(tmp_path: Path) -> None:
    made, _ = migrated(tmp_path, "server=9.9.9.9\nserver=149.112.112.112")
    group = made["upstreams"]["default"]
    assert "profile" not in group
    assert [server["url"].partition("@")[0] for server in group["servers"]] == ["tls://dns.quad9.net"]


def test_domains_of_servers_are_routes_and_the_longest_counts(tmp_path: Path) -> None:
    text = "server=/a.example/b.example/192.0.2.1\nserver=/in.a.example/#\nserver=192.0.2.9\nserver=//192.0.2.3"
    made, _ = migrated(tmp_path, text)
    assert [route["domains"] for route in made["route"]] == [["a.example"], ["b.example"], ["in.a.example"]]
    assert made["route"][0]["upstreams"] == made["route"][1]["upstreams"]
    assert made["route"][2]["upstreams"] == "default"
    assert made["rule"][0]["patterns"] == ["^[^.]+$"]


@pytest.mark.parametrize(
    ("network", "zones"),
    [
        ("192.168.1.0/24", ["1.168.192.in-addr.arpa"]),
        ("10.0.0.0/8", ["10.in-addr.arpa"]),
        ("172.16.0.0/15", ["16.172.in-addr.arpa", "17.172.in-addr.arpa"]),
        ("192.0.2.1/32", ["1.2.0.192.in-addr.arpa"]),
        ("fd00::/8", ["d.f.ip6.arpa"]),
    ],
)
def test_reverse_servers_are_for_the_zones_of_their_network(network: str, zones: list[str]) -> None:
    assert reverse_zones(read_network(network)) == zones


# Names.


def test_the_longest_domain_has_the_first_rule(tmp_path: Path) -> None:
    text = "address=/com/#\naddress=/a.com/\naddress=/b.a.com/#\naddress=/net/\naddress=/#/192.168.1.1"
    made, _ = migrated(tmp_path, text)
    assert [(rule["answer"], rule["domains"]) for rule in made["rule"]] == [
        ("null", ["b.a.com"]),
        ("nxdomain", ["a.com"]),
        ("null", ["com"]),
        ("nxdomain", ["net"]),
        ("192.168.1.1", ["."]),
    ]


def test_an_address_for_a_domain_is_a_zone_and_a_refusal_a_rule(tmp_path: Path) -> None:
    text = "address=/dev.lan/192.168.1.5\naddress=/ads.example/#\naddress=/no.example/\naddress=/back.example/127.0.0.1"
    made, _ = migrated(tmp_path, text)
    assert made["local"] == [{"zone": "dev.lan", "ptr": False, "records": ["@ A 192.168.1.5", "* A 192.168.1.5"]}]
    assert {rule["answer"]: rule["domains"] for rule in made["rule"]} == {
        "null": ["ads.example"],
        "nxdomain": ["no.example"],
        "127.0.0.1": ["back.example"],
    }


def test_what_is_resolved_below_a_refused_domain_gets_out(tmp_path: Path) -> None:
    text = "server=192.0.2.1\naddress=/ads.example/#\nserver=/good.ads.example/#"
    made, _ = migrated(tmp_path, text)
    zones = {zone["zone"]: zone for zone in made["local"]}
    assert "rule" not in made
    assert zones["ads.example"]["records"][0] in ("@ A 0.0.0.0", "@ AAAA ::")
    assert zones["good.ads.example"]["transparent"] is True
    assert made["route"] == [{"domains": ["good.ads.example"], "upstreams": "default"}]


def test_a_server_for_the_very_domain_goes_first(tmp_path: Path) -> None:
    text = "address=/a.example/192.168.1.5\nserver=/a.example/192.0.2.1\nlocal=/b.example/\nserver=/b.example/192.0.2.1"
    made, migration = migrated(tmp_path, text)
    assert [zone["zone"] for zone in made["local"]] == ["a.example"]
    assert made["local"][0]["transparent"] is True
    assert [route["domains"] for route in made["route"]] == [["a.example"], ["b.example"]]
    assert verdicts(migration) == ["changed"] * 4


def test_a_host_below_a_domain_for_all_names_keeps_its_own_address(tmp_path: Path) -> None:
    text = "address=/dev.lan/192.168.1.5\nhost-record=db.dev.lan,192.168.1.6\nhost-record=dev.lan,192.168.1.7"
    made, _ = migrated(tmp_path, text)
    assert made["local"][0]["records"] == [
        "* A 192.168.1.5",
        "*.db A 192.168.1.5",
        "db A 192.168.1.6",
        "@ A 192.168.1.7",
    ]


def test_records_of_every_kind(tmp_path: Path) -> None:
    text = """local=/x.lan/
host-record=a.x.lan,192.168.1.1,fd00::1,60
cname=b.x.lan,c.x.lan,a.x.lan
mx-host=x.lan,a.x.lan,5
srv-host=_sip._udp.x.lan,a.x.lan,5060
txt-record=x.lan,"one, two",three
ptr-record=9.1.168.192.in-addr.arpa,a.x.lan
naptr-record=x.lan,1,2,S,SIP+D2U,,_sip._udp.x.lan
caa-record=x.lan,0,issue,ca.example
dns-rr=x.lan,65534,0a0b"""
    made, migration = migrated(tmp_path, text)
    assert verdicts(migration) == ["kept"] * 10
    assert made["local"][0]["records"] == [
        "a 60 A 192.168.1.1",
        "a 60 AAAA fd00::1",
        "b CNAME a.x.lan.",
        "c CNAME a.x.lan.",
        "@ MX 5 a.x.lan.",
        "_sip._udp SRV 0 0 5060 a.x.lan.",
        '@ TXT "one, two" "three"',
        '@ NAPTR 1 2 "S" "SIP+D2U" "" _sip._udp.x.lan.',
        '@ CAA 0 issue "ca.example"',
        "@ TYPE65534 \\# 2 0a0b",
    ]


def test_a_name_of_an_interface_is_dropped_and_the_record_to_write_is_told(tmp_path: Path) -> None:
    made, migration = migrated(tmp_path, "interface-name=gate.x.lan,lan0")
    assert ("local" in made, verdicts(migration)) == (False, ["dropped"])
    assert 'records = ["gate.x.lan. A ..."]' in migration.report.lines[-1].reason


def test_a_name_of_an_interface_has_the_addresses_that_this_machine_has_there(tmp_path: Path) -> None:
    own = [("lan0", ip_address(one)) for one in ("192.168.1.1", "fd00::1", "fe80::1")] + [
        ("wan0", ip_address("192.0.2.1"))
    ]
    lines = ("gate.x.lan,lan0", "four.x.lan,lan0/4", "six.x.lan,lan0/6", "out.x.lan,wan0/6")
    file = tmp_path / "dnsmasq.conf"
    file.write_text("no-hosts\nlocal=/x.lan/\n" + "".join(f"interface-name={line}\n" for line in lines))
    migration = migrate((file,), Reader(own=lambda: own))
    records = tomllib.loads(settled(migration, tmp_path / "made.toml", "test"))["local"][0]["records"]
    assert records == ["gate A 192.168.1.1", "gate AAAA fd00::1", "four A 192.168.1.1", "six AAAA fd00::1"]
    assert verdicts(migration)[-4:] == ["changed", "changed", "changed", "dropped"]


def test_an_alias_of_a_device_is_its_own_address(tmp_path: Path) -> None:
    hosts = "dhcp-host=02:00:5e:10:00:01,nas,192.168.7.5\ndhcp-host=02:00:5e:10:00:02,tv"
    text = f"{NET}{hosts}\ncname=files.lan,nas\ncname=tele.lan,tv"
    made, migration = migrated(tmp_path, text)
    assert made["local"] == [{"zone": "files.lan", "transparent": True, "records": ["@ A 192.168.7.5"]}]
    assert verdicts(migration)[-2:] == ["changed", "dropped"]


def test_a_long_file_of_refusals_becomes_a_list(tmp_path: Path) -> None:
    (tmp_path / "ads.conf").write_text("".join(f"address=/a{number}.example/#\n" for number in range(600)))
    made, migration = migrated(tmp_path, f"conf-file={tmp_path}/ads.conf")
    assert made["lists"]["dnsmasq-1"] == {"file": str(tmp_path / "ads.conf"), "format": "dnsmasq"}
    assert set(verdicts(migration)) == {"kept"}


def test_such_a_file_may_have_other_lines_too(tmp_path: Path) -> None:
    blocked = "".join(f"address=/a{number}.example/#\n" for number in range(600))
    made, _ = migrated(tmp_path, f"{blocked}local=/lan/\nserver=192.0.2.1\nserver=/good.a1.example/#")
    assert list(made["lists"]) == ["dnsmasq-1"]
    assert [zone["zone"] for zone in made["local"]] == ["lan"]
    assert made["rule"] == [{"action": "allow", "domains": ["good.a1.example"]}]


# Addresses.


def test_ranges_of_every_mode(tmp_path: Path) -> None:
    text = """interface=lan0
dhcp-range=192.168.7.150,192.168.7.100,255.255.255.0,infinite
dhcp-range=192.168.7.0,static
dhcp-range=192.168.8.0,proxy
dhcp-range=set:red,tag:phones,192.168.9.10,192.168.9.20,255.255.255.0,1m
dhcp-range=fd00:7::10,fd00:7::20,64,1h
dhcp-range=::,constructor:lan0,ra-stateless
dhcp-option=3,192.168.7.110"""
    made, migration = migrated(tmp_path, text)
    subnets = made["dhcp"]["subnet"]
    assert [subnet["prefix"] for subnet in subnets] == ["192.168.7.0/24", "192.168.9.0/24", "fd00:7::/64"]
    assert subnets[0]["pools"] == ["192.168.7.100-192.168.7.109", "192.168.7.111-192.168.7.150"]
    assert subnets[0]["lease_time"] == "365d"
    assert subnets[1]["pools"] == [{"range": "192.168.9.10-192.168.9.20", "classes": ["phones"]}]
    assert subnets[1]["lease_time"] == "2m"
    assert made["dhcp"]["advertise"] == [{"interface": "lan0"}]
    assert verdicts(migration) == ["changed", "changed", "changed", "dropped", "changed", "kept", "changed", "changed"]


def test_devices_in_every_form(tmp_path: Path) -> None:
    text = f"""{NET}dhcp-host=02:00:5e:10:00:01,02:00:5e:10:00:02,id:*,set:kids,192.168.7.20,laptop,45m
dhcp-host=id:ff:01:02:03,192.168.7.21
dhcp-host=id:camera,192.168.7.22
dhcp-host=tablet,192.168.7.23
dhcp-host=02:00:5e:*:*:*,192.168.7.24
dhcp-host=06-02:00:5e:10:00:03,192.168.7.25
dhcp-host=02:00:5e:10:00:04,ignore
dhcp-host=02:00:5e:10:00:05,10.0.0.1"""
    made, migration = migrated(tmp_path, text)
    hosts = made["dhcp"]["host"]
    assert hosts[0] == {
        "hardware": ["02:00:5e:10:00:01", "02:00:5e:10:00:02"],
        "classes": ["kids"],
        "addresses": ["192.168.7.20"],
        "name": "laptop",
        "lease_time": "45m",
    }
    assert [host.get("identifiers") for host in hosts[1:3]] == [["ff:01:02:03"], ["text:camera"]]
    assert hosts[3]["hosts"] == ["tablet"]
    assert hosts[4] == {"hardware": ["02:00:5e:10:00:04"], "ignored": True}
    assert verdicts(migration)[2:] == ["changed", "kept", "kept", "changed", "dropped", "dropped", "kept", "changed"]


def test_tags_lead_to_subnets_and_classes(tmp_path: Path) -> None:
    text = """interface=eth0
interface=eth1
dhcp-range=set:a,192.168.1.10,192.168.1.20,255.255.255.0
dhcp-range=eth1,192.168.2.10,192.168.2.20,255.255.255.0
dhcp-vendorclass=set:phone,Desk
dhcp-mac=set:cam,02:00:5e:*:*:*
dhcp-option=tag:a,42,192.168.1.3
dhcp-option=tag:!a,42,192.168.2.3
dhcp-option=tag:phone,66,"192.168.1.4"
dhcp-option=tag:!cam,26,1400
dhcp-option=tag:phone,tag:a,26,1300
dhcp-option=tag:nobody,26,1300
dhcp-ignore-names=tag:cam"""
    made, migration = migrated(tmp_path, text)
    dhcp = made["dhcp"]
    assert [subnet["interface"] for subnet in dhcp["subnet"]] == ["eth0", "eth1"]
    assert [subnet["options"] for subnet in dhcp["subnet"]] == [
        {"ntp-servers": "192.168.1.3"},
        {"ntp-servers": "192.168.2.3"},
    ]
    assert dhcp["classes"]["phone"] == {"vendor": ["Desk"], "options": {"tftp-server-name": "192.168.1.4"}}
    assert dhcp["classes"]["cam"] == {"named": False, "hardware": ["02:00:5e"], "options": {"interface-mtu": ""}}
    assert dhcp["options"] == {"interface-mtu": "1400"}
    assert verdicts(migration)[-3:] == ["dropped", "dropped", "kept"]


def test_only_known_devices_means_pools_for_them(tmp_path: Path) -> None:
    made, _ = migrated(tmp_path, f"{NET}dhcp-ignore=tag:!known\ndhcp-host=02:00:5e:10:00:01,pc")
    assert made["dhcp"]["subnet"][0]["pools"] == [{"range": "192.168.7.100-192.168.7.150", "classes": ["known"]}]
    assert made["dhcp"]["host"][0]["classes"] == ["known"]


def test_an_option_without_a_value_is_not_dropped(tmp_path: Path) -> None:
    made, migration = migrated(
        tmp_path, f"{NET}dhcp-option=3\ndhcp-option=option:dns-server\ndhcp-option=option:ntp-server,0.0.0.0"
    )
    assert made["dhcp"]["subnet"][0]["own_router"] is False
    assert made["dhcp"]["options"] == {"dns-servers": ""}
    assert verdicts(migration)[-1] == "dropped"


def test_the_later_of_two_options_counts(tmp_path: Path) -> None:
    made, migration = migrated(tmp_path, f"{NET}dhcp-option=26,1400\ndhcp-option=option:mtu,1300")
    assert made["dhcp"]["options"] == {"interface-mtu": "1300"}
    assert verdicts(migration)[-2:] == ["dropped", "kept"]


@pytest.mark.parametrize(
    ("values", "octets"),
    [
        (["192.0.2.1", "192.0.2.2"], "c0000201c0000202"),
        (["0a:0b:c"], "0a0b0c"),
        (["1"], "01"),
        (["300"], "012c"),
        (["70000"], "00011170"),
        (["1s"], "0001"),
        (["-1i"], "ffffffff"),
        (["text", "more"], "746578742c6d6f7265"),
    ],
)
def test_values_of_no_known_type_are_guessed_as_dnsmasq_does(values: list[str], octets: str) -> None:
    assert octets_of(values, 0).hex() == octets


def test_options_in_options(tmp_path: Path) -> None:
    text = f"{NET}dhcp-option=vendor:PXEClient,6,2b\ndhcp-option=encap:175,190,user\ndhcp-option=vi-encap:2,5,x"
    made, _ = migrated(tmp_path, text)
    assert made["dhcp"]["classes"]["vendor-pxeclient"]["options"] == {"vendor-information": "hex:060102"}
    assert made["dhcp"]["options"]["etherboot"] == "hex:be0475736572"
    assert made["dhcp"]["options"]["vendor-identifying-information"] == "hex:0000000203050178"


@pytest.mark.parametrize(
    ("text", "span"), [("45m", "45m"), ("12h", "12h"), ("60", "2m"), ("2w", "14d"), ("infinite", "365d")]
)
def test_lease_times(text: str, span: str) -> None:
    assert read_lease(text)[0] == span


@pytest.mark.parametrize("text", ["02:00:*:10:00:01", "*:*:*:*:*:*", "02:00", "06-02:00:5e:10:00:01"])
def test_hardware_that_no_class_can_name(text: str) -> None:
    with pytest.raises(Useless):
        hardware_prefix(text)


def test_public_networks_may_ask(tmp_path: Path) -> None:
    made, _ = migrated(tmp_path, "interface=lan0\ndhcp-range=198.51.100.10,198.51.100.20,255.255.255.0")
    assert "198.51.100.0/24" in made["access"]["allow"]


# Anything at all.

_WORDS = st.sampled_from(sorted(KEYWORDS))
_PIECES = st.one_of(
    st.sampled_from(
        [
            "192.168.1.5",
            "255.255.255.0",
            "fd00::1",
            "[::]",
            "set:a",
            "tag:a",
            "tag:!a",
            "option:router",
            "option6:23",
            "12h",
            "/a.b/",
            "#",
            "*",
            "x",
        ]
    ),
    st.text(max_size=12),
)
_LINES = st.builds(lambda word, parts: f"{word}={','.join(parts)}", _WORDS, st.lists(_PIECES, max_size=6))


@given(lines=st.lists(_LINES, max_size=8), octets=st.binary(max_size=64))
def test_any_octets_give_a_report_or_its_own_error(
    lines: list[str], octets: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("any")
    path = folder / "dnsmasq.conf"
    skipped = ("conf-", "addn-hosts", "hostsdir", "dhcp-hosts", "dhcp-opts", "servers-file", "read-ethers")
    text = "\n".join(line for line in lines if not line.startswith(skipped)).encode("utf-8", "replace")
    path.write_bytes(b"no-hosts\n" + text + b"\n" + octets)
    try:
        migration = migrate((path,), Reader())
    except Unreadable:
        return
    settled(migration, folder / "anchorhold.toml", "")
    assert migration.report.unsaid() == []
