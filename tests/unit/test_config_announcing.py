"""What of `[secure]` and `[listen]` clients are told: addresses that they can use, what is served, nothing without a name."""

import ipaddress

import pytest

from anchorhold.config.errors import SettingsError
from anchorhold.config.load import load
from anchorhold.config.service import Loaded
from anchorhold.settings_file import warnings
from dhcp.settings import Announced
from resolver.settings import Announcement, Endpoint, Served

ITERATE = '[resolve]\nmode = "iterate"\n'


def loaded(
    *listen: str, clear: str = '"192.168.1.1"', more: str = "", resolve: str = ITERATE, name: str = "dns.home.arpa"
) -> Loaded:
    places = ", ".join(f'"{one}"' for one in listen)
    return load(
        f'[listen]\naddresses = [{clear}]\n{resolve}[secure]\nname = "{name}"\nlisten = [{places}]\n{more}', "a.toml"
    )


def said(*listen: str, **how: str) -> Announcement:
    found = loaded(*listen, **how)
    assert found.secure is not None
    assert found.front.announcement is not None
    assert found.front.announcement == found.secure.front.announcement
    return found.front.announcement


def packed(*texts: str) -> tuple[bytes, ...]:
    return tuple(ipaddress.ip_address(text).packed for text in texts)


def test_what_is_served_is_told_with_its_addresses() -> None:
    told = said(
        "tls://192.168.1.1", "tls://[fd00::1]", "https://192.168.1.1", "h3://192.168.1.1:8443", "quic://192.168.1.1"
    )
    assert told.endpoints == (
        Endpoint(Served.TLS, 853, packed("192.168.1.1", "fd00::1")),
        Endpoint(Served.HTTPS, 443, packed("192.168.1.1")),
        Endpoint(Served.H3, 8443, packed("192.168.1.1")),
        Endpoint(Served.QUIC, 853, packed("192.168.1.1")),
    )
    assert (told.name, told.path, told.labels, told.minimised, told.information) == (
        "dns.home.arpa",
        "/dns-query",
        (),
        True,
        "",
    )


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({}, packed("192.168.1.1")),
        ({"clear": '"0.0.0.0"'}, ()),
        ({"clear": '"0.0.0.0"', "more": 'addresses = ["192.168.7.7", "fd00::7"]'}, packed("192.168.7.7")),
        ({"clear": '"127.0.0.1", "192.168.1.1", "fd00::1"'}, packed("192.168.1.1")),
    ],
)
def test_for_every_address_those_are_told_where_clients_find_us(
    how: dict[str, str], expected: tuple[bytes, ...]
) -> None:
    assert said("tls://0.0.0.0", **how).endpoints == (Endpoint(Served.TLS, 853, expected),)


@pytest.mark.parametrize(
    ("clear", "expected"), [('"127.0.0.1"', packed("127.0.0.1")), ('"127.0.0.1", "192.168.1.1"', None)]
)
def test_loopback_is_told_only_where_nobody_else_hears_it(clear: str, expected: tuple[bytes, ...] | None) -> None:
    endpoints = () if expected is None else (Endpoint(Served.TLS, 853, expected),)
    assert said("tls://127.0.0.1", "tls://[fe80::1]", clear=clear).endpoints == endpoints


def test_without_a_name_nobody_is_sent_anywhere() -> None:
    found = loaded("tls://192.168.1.1", name="", more=DHCP)
    assert found.front.announcement is not None
    assert found.front.announcement.name == ""
    assert found.dhcp is not None
    assert found.dhcp.resolver.encrypted == ()


def test_without_secure_nothing_is_told() -> None:
    assert load(f'[listen]\naddresses = ["192.168.1.1"]\n{ITERATE}', "a.toml").front.announcement is None


def test_clients_of_their_own_are_told_by_their_labels() -> None:
    assert said("tls://192.168.1.1", more='[secure.clients]\ntv = "default"\n').labels == ("tv",)


FORWARD = '[upstreams.default]\nservers = ["tls://dns.example@192.0.2.1"]\n'


@pytest.mark.parametrize(
    ("resolve", "expected"),
    [(ITERATE, True), (ITERATE + 'minimise = "off"\n', False), (FORWARD, False)],
)
def test_it_is_told_whether_names_are_minimised(resolve: str, expected: bool) -> None:
    assert said("tls://192.168.1.1", resolve=resolve).minimised is expected


def test_a_page_for_people_is_told() -> None:
    assert (
        said("tls://192.168.1.1", more='information = "https://home.example/dns"\n').information
        == "https://home.example/dns"
    )


@pytest.mark.parametrize(
    "url", ["http://home.example", "https://h x", "https://" + "a" * 240, "https://caf\u00e9.example"]
)
def test_what_is_no_url_for_a_record_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match=r"secure.information: .* is no such URL"):
        loaded("tls://192.168.1.1", more=f'information = "{url}"\n')


DHCP = (
    '[dhcp]\n[[dhcp.subnet]]\nprefix = "192.168.1.0/24"\ninterface = "lan0"\npools = ["192.168.1.100-192.168.1.199"]\n'
)


def offered(*listen: str) -> tuple[Announced, ...]:
    found = loaded(*listen, more=DHCP)
    assert found.dhcp is not None
    return found.dhcp.resolver.encrypted


def test_dhcp_tells_the_same_and_a_wildcard_as_such() -> None:
    assert offered(
        "tls://192.168.1.1", "quic://192.168.1.1", "https://0.0.0.0", "h3://0.0.0.0", "tls://127.0.0.1:8853"
    ) == (
        Announced("dns.home.arpa", ("dot", "doq"), 853, "", packed("192.168.1.1"), 1),
        Announced("dns.home.arpa", ("h2", "h3"), 443, "/dns-query{?dns}", packed("0.0.0.0"), 2),
    )


def test_who_serves_everywhere_and_says_nowhere_is_warned() -> None:
    def warned(*listen: str, **how: str) -> list[str]:
        return [line for line in warnings(loaded(*listen, **how)) if line.startswith("secure: ")]

    everywhere = {"clear": '"0.0.0.0"'}
    (line,) = warned("https://0.0.0.0", "tls://192.168.1.1", **everywhere)
    assert line.startswith("secure: https:// at port 443 is served at every address of this machine")
    assert "write addresses = [" in line
    assert warned("https://0.0.0.0", more='addresses = ["192.168.7.7"]', **everywhere) == []
    assert warned("https://[::]", more='addresses = ["192.168.7.7"]', **everywhere) != []
    assert warned("https://0.0.0.0") == []
    assert warned("https://0.0.0.0", name="", **everywhere) == []
