"""[dhcp] and the tables below it: what becomes of them, and every mistake with its place."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from anchorhold.config.dhcp import resolver_offer
from anchorhold.config.errors import SettingsError
from anchorhold.config.load import load
from anchorhold.config.service import ListenAddress, ServedLink
from anchorhold.dhcp_warnings import ShownSubnet, dhcp_warnings, shown_subnets
from dhcp.settings import Advertised, AdvertisedPrefix, Delegation, DhcpSettings, Matcher, Pool
from dhcp.values import Link, Own

BASE = """\
[listen]
addresses = ["192.0.2.1:53"]
[access]
allow = ["192.0.2.0/24", "198.51.100.0/24", "10.0.0.0/8", "2001:db8::/32"]
[resolve]
mode = "iterate"
"""
HOME = """\
[[dhcp.subnet]]
prefix = "192.0.2.0/24"
interface = "eth1"
pools = ["192.0.2.100-192.0.2.199"]
"""
SIX = """\
[[dhcp.subnet]]
prefix = "2001:db8:1::/64"
interface = "eth1"
"""


def made(extra: str, host: str = "") -> DhcpSettings:
    dhcp = load(BASE + extra, "a.toml", host=host).dhcp
    assert dhcp is not None
    return dhcp


def complaints(extra: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(BASE + extra, "a.toml")
    return [problem.text("a.toml") for problem in caught.value.problems]


def test_without_the_table_there_is_no_dhcp_server() -> None:
    loaded = load(BASE, "a.toml")
    assert (None, ()) == (loaded.dhcp, loaded.service.links)


def test_a_small_subnet_has_the_defaults_of_the_settings() -> None:
    settings = made(HOME)
    (subnet,) = settings.subnets
    assert ("192.0.2.0/24", b"\xc0\0\2\0", 24, "eth1") == (subnet.name, subnet.prefix, subnet.length, subnet.interface)
    assert (Pool(b"\xc0\0\2\x64", b"\xc0\0\2\xc7"),) == subnet.pools
    assert (43_200, 1_800, 75) == (subnet.lease_time, subnet.changing_time, subnet.changing_share)
    assert ("eth1",) == settings.interfaces
    assert (b"\xc0\0\2\1",) == settings.resolver.addresses


@pytest.mark.parametrize(("text", "seconds"), [('"12h"', 43_200), ('"90 s"', 90), ('"2d"', 172_800), ("600", 600)])
def test_a_lease_time_is_a_span_and_the_subnets_is_the_general_one(text: str, seconds: int) -> None:
    assert seconds == made(f"[dhcp]\nlease_time = {text}\n{HOME}").subnets[0].lease_time
    assert seconds == made(f"{HOME}lease_time = {text}\n").subnets[0].lease_time


def test_a_prefix_as_a_pool_leaves_out_what_no_host_can_have() -> None:
    (pool,) = made(HOME.replace("192.0.2.100-192.0.2.199", "192.0.2.0/24")).subnets[0].pools
    assert (b"\xc0\0\2\1", b"\xc0\0\2\xfe") == (pool.first, pool.last)


def test_classes_match_what_they_say() -> None:
    text = """\
[dhcp.classes.phones]
vendor = ["phone", "hex:0a0b"]
hardware = ["02:00:5e"]
architecture = [7]
changing = true
lease_time = "1h"
"""
    (phones,) = made(HOME + text).classes
    assert (
        (Matcher.VENDOR, b"phone"),
        (Matcher.VENDOR, b"\x0a\x0b"),
        (Matcher.HARDWARE, b"\2\0\x5e"),
        (Matcher.ARCHITECTURE, b"\0\7"),
        (Matcher.CHANGING, b""),
    ) == phones.matches
    assert 3_600 == phones.lease_time


def test_a_host_is_known_by_what_it_shows() -> None:
    text = """\
[[dhcp.host]]
hardware = ["02:00:5E:10:00:01"]
identifiers = ["01-02-00-5e-10-00-02", "text:printer"]
duids = ["00030001 02005e100001"]
"""
    assert "no identifier" in complaints(HOME + text)[0]
    (host,) = made(
        HOME + text.replace(" 02005e", "02005e") + 'addresses = ["192.0.2.5"]\nname = "Printer"\n'
    ).reservations
    assert (b"\2\0\x5e\x10\0\1",) == host.hardware
    assert (b"\1\2\0\x5e\x10\0\2", b"printer") == host.identifiers
    assert (b"\0\3\0\1\2\0\x5e\x10\0\1",) == host.duids
    assert (b"\xc0\0\2\5", "printer") == (host.address4, host.name)


def test_prefixes_are_delegated_without_those_that_are_excluded() -> None:
    text = SIX + 'delegations = [{ prefix = "2001:db8::/40", length = 56, excluded = ["2001:db8:1::/56"] }]\n'
    (delegation,) = made(text).subnets[0].delegations
    expected = Delegation(
        bytes.fromhex("20010db8") + bytes(12), 40, 56, ((bytes.fromhex("20010db80001") + bytes(10), 56),)
    )
    assert expected == delegation


def test_router_advertisements_are_only_where_a_table_says_so() -> None:
    assert () == made(HOME + SIX).advertised
    (one,) = made(SIX + '[[dhcp.advertise]]\ninterface = "eth1"\nprefixes = ["2001:db8:1::/64"]\n').advertised
    prefix = AdvertisedPrefix(bytes.fromhex("20010db80001") + bytes(10), 64)
    assert Advertised("eth1", prefixes=(prefix,)) == one


def test_a_cell_speaks_on_each_interface_what_is_configured_there() -> None:
    relayed = 'relays = ["198.51.100.1"]\ninterfaces = ["eth2"]\n'
    text = (
        f'[dhcp]\n{relayed}{HOME}[[dhcp.subnet]]\nprefix = "198.51.100.0/24"\n[[dhcp.advertise]]\ninterface = "eth3"\n'
    )
    links = load(BASE + text, "a.toml").service.links
    assert (
        ServedLink("eth1", True, False, False),
        ServedLink("eth2", True, False, False),
        ServedLink("eth3", False, False, True),
    ) == links


def test_names_that_mean_something_are_nobodys() -> None:
    own = made(f'[dhcp]\nown_names = ["nas"]\n{HOME}', host="Box.example.net").own_names
    assert {"box", "nas", "wpad", "isatap", "localhost", "router"} <= set(own)


@pytest.mark.parametrize(
    ("place", "offered"),
    [
        (ListenAddress("192.0.2.1", 53), (b"\xc0\0\2\1",)),
        (ListenAddress("0.0.0.0", 53), (bytes(4),)),
        (ListenAddress("::", 53), (bytes(16),)),
        (ListenAddress("192.0.2.1", 5300), ()),
        (ListenAddress("127.0.0.1", 53), ()),
        (ListenAddress("::1", 53), ()),
        (ListenAddress("fe80::1%eth0", 53), ()),
    ],
)
def test_the_resolver_is_offered_where_others_reach_it(place: ListenAddress, offered: tuple[bytes, ...]) -> None:
    assert offered == resolver_offer((place,)).addresses


HOST = '[[dhcp.host]]\nhardware = ["02:00:5e:10:00:01"]\n'
ADVERTISE = '[[dhcp.advertise]]\ninterface = "eth1"\n'


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("[dhcp]\n", "a.toml:7: dhcp: nobody is heard: no interface is named"),
        ('[dhcp]\ninterfaces = ["eth1"]\n', "no relay is listened to"),
        (f'[dhcp]\nrelays = ["0.0.0.0/0"]\n{HOME}', "dhcp.relays[0]: 0.0.0.0/0 is everybody"),
        (f'[dhcp]\nlease_time = "1s"\n{HOME}', "a.toml:8: dhcp.lease_time: '1s' will not do"),
        (f'[dhcp]\nlease_time = "ages"\n{HOME}', "no span of time; write seconds, or a number with s, m, h or d"),
        (f'[dhcp]\nown_names = ["a.b"]\n{HOME}', "'a.b' is no name of a device"),
        (HOME.replace("eth1", "an interface"), "dhcp.subnet[0].interface: 'an interface' is no name of an interface"),
        (HOME.replace("192.0.2.0/24", "192.0.2.0/33"), "a.toml:8: dhcp.subnet[0].prefix: '192.0.2.0/33' is no network"),
        (HOME.replace("192.0.2.0/24", "127.0.0.0/24"), "nobody can be given an address in 127.0.0.0/24"),
        (HOME.replace("199", "299"), "'192.0.2.299' is no IP address"),
        (HOME.replace("199", "50"), "ends before it begins"),
        (HOME.replace("2.199", "3.199"), "is not inside 192.0.2.0/24; correct the range or the prefix of its subnet"),
        (HOME.replace("192.0.2.100-192.0.2.199", "192.0.2.255"), "192.0.2.255 is no host's address in 192.0.2.0/24"),
        (HOME.replace("-192.0.2.199", "-2001:db8::1"), "begins and ends in two families"),
        (HOME + HOME.replace("0/24", "128/25").replace("100-", "130-"), "192.0.2.128/25 overlaps 192.0.2.0/24 of"),
        (HOME.replace("199", '199", "192.0.2.150'), "pools[1]: 192.0.2.150-192.0.2.150 overlaps"),
        (HOME + 'routers = ["192.0.2.150"]\n', "pools[0]: the router 192.0.2.150 is in it"),
        (HOME + 'routers = ["198.51.100.1"]\n', "198.51.100.1 is no host's address in 192.0.2.0/24"),
        (HOME + "lease_time = 5\n", "5 s is no lease; at least 10"),
        (HOME + "ipv6_only = 60\n", "60 s is less than devices heed; at least 300, or 0"),
        (HOME + "stateless = true\n", "192.0.2.0/24 is IPv4, and this is not for it; drop the line"),
        (SIX + 'routers = ["192.0.2.1"]\n', "2001:db8:1::/64 is IPv6, and this is not for it"),
        (HOME + 'boot_file = "' + "x" * 128 + '"\n', "it is longer than 127 octets"),
        (HOME + 'next_server = "2001:db8::1"\n', "2001:db8::1 is no IPv4 address"),
        (HOME.replace('["192', '[{ classes = ["phones"], range = "192').replace('199"', '199" }'), "no class 'phones'"),
        (HOME.replace("100-192.0.2.199", "100"), "75 % of 1 addresses is none"),
        (
            HOME.replace("100-192.0.2.199", "100") + HOST + 'addresses = ["192.0.2.100"]\n',
            "all 1 addresses are reserved",
        ),
        (SIX + 'delegations = [{ prefix = "2001:db8::/40", length = 56 }]\n', 'write excluded = ["2001:db8:1::/64"]'),
        (SIX + 'delegations = [{ prefix = "2001:db9::/40", length = 32 }]\n', "a /32 is larger than 2001:db9::/40"),
        (
            SIX
            + 'delegations = [{ prefix = "2001:db9::/40", length = 56 }, { prefix = "2001:db9::/48", length = 56 }]\n',
            "delegations[1]: 2001:db9::/48 overlaps 2001:db9::/40 of dhcp.subnet[0].delegations[0]",
        ),
        (
            SIX + 'delegations = [{ prefix = "2001:db9::/40", length = 56, excluded = ["2001:db8::/56"] }]\n',
            "2001:db8::/56 is not inside 2001:db9::/40",
        ),
        (
            HOME + 'options = { message-type = "" }\n',
            "option 53 (message-type) is part of the protocol and cannot be set",
        ),
        (HOME + '[dhcp.classes.a]\nvendor = [""]\n', "'' matches nothing"),
        (HOME + '[dhcp.classes.a]\nhardware = ["xx"]\n', "'xx' begins no hardware address"),
        (HOME + '[dhcp.classes."a b"]\nchanging = true\n', "'a b' is no name for a class"),
        (HOME + '[[dhcp.host]]\naddresses = ["192.0.2.5"]\n', "nobody is meant"),
        (HOME + HOST + 'addresses = ["192.0.2.5", "192.0.2.6"]\n', "192.0.2.6 is a second IPv4 address"),
        (
            HOME + HOST + 'addresses = ["203.0.113.1"]\n',
            "a.toml:13: dhcp.host[0].addresses[0]: 203.0.113.1 is in no subnet",
        ),
        (HOME + HOST + 'addresses = ["192.0.2.255"]\n', "192.0.2.255 is no host's address"),
        (HOME + 'routers = ["192.0.2.1"]\n' + HOST + 'addresses = ["192.0.2.1"]\n', "192.0.2.1 is a router's"),
        (HOME + HOST + 'name = "wpad"\n', "'wpad' means something else to programs"),
        (HOME + HOST + 'classes = ["x"]\n', "there is no class 'x'"),
        (HOME + HOST.replace(":01", ""), "is no hardware address; write six octets"),
        (
            HOME + HOST + 'addresses = ["192.0.2.5"]\n' + HOST.replace(":01", ":02") + 'addresses = ["192.0.2.5"]\n',
            "192.0.2.5 is reserved twice, also in dhcp.host[0]",
        ),
        (HOME + HOST + HOST, "this device is named twice; it is in dhcp.host[0] too"),
        (
            HOME + HOST + 'name = "a"\n' + HOST.replace(":01", ":02") + 'name = "a"\n',
            "'a' is the name of dhcp.host[0] too",
        ),
        (
            SIX
            + 'delegations = [{ prefix = "2001:db9::/40", length = 56 }]\n'
            + HOST
            + 'prefixes = ["2001:db9::/60"]\n',
            "2001:db9::/60 is no /56 as others out of 2001:db9::/40; reserve a /56 of it",
        ),
        (
            ADVERTISE + 'prefixes = ["2001:db8::/63"]\n',
            "devices make no addresses in a /63; write a /64, or autonomous",
        ),
        (ADVERTISE + 'prefixes = ["fe80::/64"]\n', "fe80::/64 cannot be given to anybody"),
        (ADVERTISE + 'prefixes = ["2001:db8::/64", "2001:db8::/64"]\n', "2001:db8::/64 is there twice"),
        (ADVERTISE + "interval = [500, 600]\n", "500 is more than three quarters of 600"),
        (ADVERTISE + "interval = [500]\n", "1 numbers; write the least and the most"),
        (ADVERTISE + "router_lifetime = 60\n", "it ends before the next advertisement, which may take 600 s"),
        (ADVERTISE + "mtu = 100\n", "100 is too small for IPv6"),
        (ADVERTISE + 'preference = "best"\n', "'best' is no preference; one of low, medium, high"),
        (ADVERTISE + 'captive_portal = "http://a"\n', "'http://a' is no URI of a portal"),
        (ADVERTISE + 'nat64 = ["64:ff9b::/97"]\n', "/97 is no length"),
        (ADVERTISE + ADVERTISE, "eth1 has two of these tables"),
        (ADVERTISE + 'routes = [{ prefix = "x" }]\n', "'x' is no IPv6 prefix"),
        (
            ADVERTISE + 'prefixes = [{ prefix = "2001:db8::/64", preferred = "2d", valid = "1d" }]\n',
            "preferred is longer than valid",
        ),
        (HOME + "leasetime = 3\n", "unknown key; did you mean 'lease_time'?"),
    ],
)
def test_every_mistake_has_its_place_and_what_to_do(extra: str, said: str) -> None:
    found = complaints(extra)
    assert [said] == [said for text in found if said in text][:1], found
    assert all(re.match(r"a\.toml:\d+: dhcp", text) and "; " in text for text in found)


def test_clients_are_logged_for_a_week_at_most() -> None:
    soon, later = (datetime.now(UTC) + timedelta(days=days) for days in (1, 30))
    settings = made(f'[dhcp]\nlog_clients_until = "{soon:%Y-%m-%dT%H:%M:%SZ}"\n{HOME}')
    assert (True, int(soon.timestamp())) == (settings.log_clients, settings.log_until)
    (text,) = complaints(f'[dhcp]\nlog_clients_until = "{later:%Y-%m-%dT%H:%M:%SZ}"\n{HOME}')
    assert "more than a week ahead" in text


# What `anchorhold check` says besides.


def warned(extra: str, *links: Link) -> list[str]:
    loaded = load(BASE + extra, "a.toml")
    return list(dhcp_warnings(loaded, {link.number: link for link in links}))


ETH1 = Link(7, "eth1", b"\2\0\x5e\x10\0\1", (Own(b"\xc0\0\2\1", 24),))


def test_a_good_configuration_on_its_machine_has_no_warning() -> None:
    assert [] == warned(HOME, ETH1)


@pytest.mark.parametrize(
    ("extra", "links", "said"),
    [
        (HOME, (ETH1._replace(name="eth0"),), "there is no interface eth1 just now"),
        (HOME, (ETH1._replace(addresses=()),), "eth1 has no address in 192.0.2.0/24"),
        (HOME + "lease_time = 30\n", (), "leases of 192.0.2.0/24 last 30 s"),
        (f"[dhcp]\nstore_identifiers = true\n{HOME}", (), "store_identifiers keeps hardware addresses"),
        (f"[dhcp]\nlog_clients_until = 2020-01-01\n{HOME}", (), "log_clients_until writes hardware"),
        (f"[dhcp]\nconflict_check = false\n{HOME}", (), "conflict_check = false"),
        (HOME + '[[dhcp.subnet]]\nprefix = "198.51.100.0/24"\n', (), "nobody on 198.51.100.0/24 is heard"),
    ],
)
def test_what_its_author_may_not_mean_is_a_warning(extra: str, links: tuple[Link, ...], said: str) -> None:
    assert [text for text in warned(extra, *links) if said in text]


def test_a_resolver_that_devices_cannot_reach_is_a_warning() -> None:
    text = BASE.replace("192.0.2.1:53", "127.0.0.1:53") + HOME
    (said,) = dhcp_warnings(load(text, "a.toml"), {})
    assert "the resolver is not offered" in said


def test_subnets_are_shown_in_words() -> None:
    text = HOME + SIX + 'delegations = [{ prefix = "2001:db9::/40", length = 56 }]\n'
    relayed = '[dhcp]\nrelays = ["198.51.100.1"]\n' + text + '[[dhcp.subnet]]\nprefix = "198.51.100.0/24"\n'
    assert [
        ShownSubnet("192.0.2.0/24", "eth1", "192.0.2.100-192.0.2.199", "43200"),
        ShownSubnet("2001:db8:1::/64", "eth1", "/56 of 2001:db9::/40", "43200"),
        ShownSubnet("198.51.100.0/24", "relays", "reserved ones only", "43200"),
    ] == shown_subnets(made(relayed))


OPTIONS = """\
[[dhcp.subnet]]
prefix = "192.0.2.0/24"
interface = "eth1"
options = {}
"""


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ('{ ntp-servers = "192.0.2.7" }', ((42, b"\xc0\0\2\7"),)),
        (
            '{ ntp-servers = ["192.0.2.7", "192.0.2.8"], 26 = 1500 }',
            ((26, b"\x05\xdc"), (42, b"\xc0\0\2\7\xc0\0\2\x08")),
        ),
        ('{ 224 = "hex:0a0b", dns-servers = "" }', ((6, b""), (224, b"\x0a\x0b"))),
    ],
)
def test_options_are_text_by_name_or_number(options: str, expected: tuple[tuple[int, bytes], ...]) -> None:
    assert expected == made(OPTIONS.format(options)).subnets[0].options4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            '{ ntp-serverz = "192.0.2.7" }',
            "dhcp.subnet[0].options.ntp-serverz: there is no option 'ntp-serverz'; is it",
        ),
        ('{ ntp-servers = "x" }', "option 42 (ntp-servers)"),
        ('{ 53 = "1" }', "option 53 (message-type) is part of the protocol and cannot be set"),
        ('{ 42 = "192.0.2.7", ntp-servers = "192.0.2.8" }', "option 42 is there twice"),
        ('{ 300 = "hex:00" }', "there is no option 300"),
    ],
)
def test_an_option_of_the_wrong_type_or_that_cannot_be_set_is_a_mistake(options: str, said: str) -> None:
    (text,) = complaints(OPTIONS.format(options))
    assert said in text
    assert text.startswith("a.toml:10: ")


ELSEWHERE = HOME.replace("192.0.2.", "203.0.113.")
ELSEWHERE6 = SIX.replace("2001:db8:1::", "fd00:1::")
LISTENING6 = BASE.replace('"192.0.2.1:53"', '"192.0.2.1:53", "[::]:53"')


def refused(base: str, extra: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(base + extra, "a.toml")
    return [problem.text("a.toml") for problem in caught.value.problems]


def test_who_is_told_of_the_resolver_must_be_allowed_to_ask_it() -> None:
    (text,) = complaints(ELSEWHERE)
    assert re.match(r"a\.toml:8: dhcp\.subnet\[0\]\.prefix: not everybody in 203\.0\.113\.0/24 may ask", text)
    assert 'add "203.0.113.0/24" to allow in [access], or' in text
    assert made(ELSEWHERE + 'options = { dns-servers = "198.51.100.7" }\n')
    assert made(f'[dhcp]\noptions = {{ 6 = "198.51.100.7" }}\n{ELSEWHERE}')


def test_a_subnet_that_is_allowed_in_part_is_not_enough() -> None:
    (text,) = refused(BASE.replace('"192.0.2.0/24"', '"192.0.2.0/25"'), HOME)
    assert "not everybody in 192.0.2.0/24" in text


def test_where_the_resolver_is_not_offered_nobody_has_to_be_allowed() -> None:
    assert load(BASE.replace("192.0.2.1:53", "127.0.0.1:53") + ELSEWHERE, "a.toml").dhcp
    assert made(ELSEWHERE6)


def test_ipv6_networks_and_advertised_prefixes_must_be_allowed_too() -> None:
    (text,) = refused(LISTENING6, ELSEWHERE6)
    assert "not everybody in fd00:1::/64" in text
    assert load(LISTENING6 + ELSEWHERE6 + 'options6 = { dns-servers = "2001:db8::7" }\n', "a.toml").dhcp
    advertised = '[[dhcp.advertise]]\ninterface = "eth1"\nprefixes = [{ prefix = "fd00:1::/64" }]\n'
    (text,) = refused(LISTENING6, advertised)
    assert "dhcp.advertise[0].prefixes[0]: not everybody in fd00:1::/64" in text
    assert load(LISTENING6 + advertised + "dns = false\n", "a.toml").dhcp


def test_a_relays_network_with_clients_in_it_is_warned_of() -> None:
    text = BASE + f'[dhcp]\nrelays = ["192.0.2.0/24"]\n{HOME}'
    said = [line for line in dhcp_warnings(load(text, "a.toml"), {}) if "passes for a relay" in line]
    assert len(said) == 1
    assert "192.0.2.0/24 in relays has addresses of 192.0.2.0/24's pools" in said[0]
    assert not any(
        "relay" in line for line in dhcp_warnings(load(text.replace('["192.0.2.0/24"]', '["192.0.2.2"]'), "a.toml"), {})
    )


@pytest.mark.parametrize(
    ("domain", "public"),
    [("com", True), ("co.uk", True), ("home.arpa", False), ("lan", False), ("corp.example", False)],
)
def test_check_warns_of_a_domain_that_is_everybodys(domain: str, public: bool) -> None:
    said = warned(f'[dhcp]\ndomain = "{domain}"\n{HOME}')
    assert public == any("public suffix" in line for line in said), said


def test_check_warns_of_a_subnet_in_which_nobody_gets_an_address() -> None:
    bare, line = re.sub(r"pools = .*\n", "", HOME), "neither pools nor devices"
    host = '[[dhcp.host]]\nhardware = ["02:00:5e:10:00:05"]\naddresses = ["192.0.2.5"]\n'
    assert [True, False, False] == [any(line in one for one in warned(text)) for text in (bare, HOME, bare + host)]
