import base64
import struct

import pytest

from anchorhold.config.errors import SettingsError, Wrong
from anchorhold.config.load import load
from anchorhold.config.servers import operator_of, read_server
from resolver.settings import UpstreamSpec


def test_a_name_and_an_address_are_told_apart() -> None:
    expected = UpstreamSpec("tls", "dns.quad9.net", ("9.9.9.9",), 853, "quad9.net")
    assert read_server("tls://dns.quad9.net@9.9.9.9") == expected


def test_quic_and_h3_have_the_ports_of_tls_and_https() -> None:
    specs = [read_server(f"{scheme}://dns.quad9.net@9.9.9.9") for scheme in ("quic", "h3")]
    assert [(spec.scheme, spec.port, spec.path) for spec in specs] == [("quic", 853, ""), ("h3", 443, "/dns-query")]


def test_several_addresses_share_a_port() -> None:
    spec = read_server("tls://dns.example@192.0.2.1,[2001:DB8::1]:8853")
    assert (spec.addresses, spec.port) == (("192.0.2.1", "2001:db8::1"), 8853)


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("udp://192.0.2.53", "192.0.2.53", 53),
        ("tcp://192.0.2.53:5353", "192.0.2.53", 5353),
        ("udp://[2001:db8::53]:5353", "2001:db8::53", 5353),
        ("udp://2001:db8::53", "2001:db8::53", 53),
    ],
)
def test_clear_text_servers_are_addresses_without_a_name(text: str, address: str, port: int) -> None:
    spec = read_server(text)
    assert (spec.name, spec.addresses, spec.port, spec.operator) == ("", (address,), port, address)


def test_without_a_name_the_certificate_must_hold_the_address() -> None:
    assert read_server("tls://9.9.9.9").name == "9.9.9.9"
    assert read_server("https://[2620:fe::fe]").name == "2620:fe::fe"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("https://dns.example@192.0.2.1", "/dns-query"),
        ("https://dns.example@192.0.2.1/", "/dns-query"),
        ("https://dns.example@192.0.2.1/a/b", "/a/b"),
        ("https://dns.example@192.0.2.1/dns-query{?dns}", "/dns-query"),
        ("h3://dns.example@192.0.2.1", "/dns-query"),
        ("h3://dns.example@192.0.2.1/a/b", "/a/b"),
    ],
)
def test_https_and_h3_have_a_path(text: str, path: str) -> None:
    assert read_server(text).path == path


def test_a_bootstrap_stands_in_for_the_address() -> None:
    spec = read_server("https://DNS.Quad9.net:8443/dns-query", bootstrap="plain")
    assert (spec.name, spec.addresses, spec.port, spec.bootstrap) == ("dns.quad9.net", (), 8443, "plain")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("9.9.9.9", "is no server URL"),
        ("gopher://9.9.9.9", "gopher:// is not supported"),
        ("quic://dns.example@192.0.2.1/dns-query", "has no path"),
        ("h3://dns.example", "nothing is looked up behind your back"),
        ("tls://", "has no address"),
        ("tls://@9.9.9.9", "has no name before @"),
        ("tls://dns.example@other.example", "after dns.example@ write literal ones"),
        ("tls://dns.example", "nothing is looked up behind your back"),
        ("udp://dns.example@192.0.2.1", "udp:// proves no name"),
        ("udp://dns.example", "udp:// proves no name"),
        ("tls://192.0.2.1:0", "is no port"),
        ("tls://192.0.2.1:99999", "is no port"),
        ("tls://192.0.2.1:", "is no port"),
        ("tls://192.0.2.1/path", "has no path"),
        ("tls://192.0.2.1,192.0.2.2", "several addresses and no name"),
        ("tls://a@192.0.2.1,192.0.2.1", "names an address twice"),
        ("tls://a@192.0.2.1,b", "is no IP address"),
        ("tls://a.example,b.example", "lists names"),
        ("tls://[2001:db8::1]x", "goes on behind ]"),
        ("tls://a b@192.0.2.1", "holds a character"),
        ("https://dns.example@192.0.2.1/#x", "holds a character"),
        ("tls://" + "a" * 64 + "@192.0.2.1", "is no domain name"),
        ("tls://a_b.example@192.0.2.1", "is no host name"),
    ],
)
def test_what_is_no_server_says_why(text: str, hint: str) -> None:
    with pytest.raises(Wrong, match=hint.replace("/", "/")) as caught:
        read_server(text)
    assert caught.value.hint


def test_an_address_and_a_bootstrap_contradict_each_other() -> None:
    with pytest.raises(Wrong, match="an address and a bootstrap"):
        read_server("tls://a.example@192.0.2.1", bootstrap="x")


@pytest.mark.parametrize(
    ("host", "operator"),
    [
        ("dns.quad9.net", "quad9.net"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("co.uk", "co.uk"),
        ("9.9.9.9", "9.9.9.9"),
    ],
)
def test_the_operator_is_the_registrable_domain_or_the_address(host: str, operator: str) -> None:
    assert operator_of(host) == operator


def stamp(protocol: int, *parts: bytes) -> str:
    """A DNS stamp: protocol, properties (u64), then the parts as they are."""
    data = bytes((protocol,)) + struct.pack("<Q", 1) + b"".join(parts)
    return "sdns://" + base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def text(data: bytes) -> bytes:
    return bytes((len(data),)) + data


NO_HASH = b"\x00"


@pytest.mark.parametrize(
    ("stamped", "url"),
    [
        (stamp(0, text(b"192.0.2.53")), "udp://192.0.2.53"),
        (stamp(0, text(b"[2001:db8::53]:5353")), "udp://[2001:db8::53]:5353"),
        (stamp(3, text(b"192.0.2.1:8853"), NO_HASH, text(b"dns.example")), "tls://dns.example@192.0.2.1:8853"),
        (stamp(3, text(b"192.0.2.1"), NO_HASH, text(b"dns.example:853")), "tls://dns.example@192.0.2.1"),
        (stamp(2, text(b"192.0.2.1"), NO_HASH, text(b"dns.example"), text(b"/q")), "https://dns.example@192.0.2.1/q"),
        (stamp(2, text(b"2001:db8::1"), NO_HASH, text(b"a.example"), text(b"/")), "https://a.example@[2001:db8::1]"),
    ],
)
def test_a_stamp_is_the_url_it_stands_for(stamped: str, url: str) -> None:
    assert read_server(stamped) == read_server(url)


def test_a_stamp_without_an_address_needs_a_bootstrap() -> None:
    stamped = stamp(2, text(b""), NO_HASH, text(b"dns.example"), text(b"/dns-query"))
    assert read_server(stamped, "plain") == read_server("https://dns.example/dns-query", "plain")
    with pytest.raises(Wrong, match="behind your back"):
        read_server(stamped)


@pytest.mark.parametrize("stamped", ["sdns:", "sdns://", "sdns://!", stamp(1, text(b"x")), stamp(99, text(b"x"))])
def test_a_stamp_that_cannot_be_used_says_why(stamped: str) -> None:
    with pytest.raises(Wrong):
        read_server(stamped)


CLEAR_GROUP = '[listen]\naddresses = ["127.0.0.1"]\n[upstreams.default]\nservers = ["udp://192.0.2.1", "tls://dns.example@192.0.2.2"]\n'


def test_clear_servers_of_an_opportunistic_group_may_say_where_they_are_encrypted() -> None:
    loaded = load(CLEAR_GROUP + 'profile = "opportunistic"\ndiscover = true\n', "a.toml")
    assert [spec.discover for spec in loaded.resolver.upstream_groups[0].servers] == [True, False]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CLEAR_GROUP + "discover = true\n", "a strict group asks nothing in clear text"),
        (
            CLEAR_GROUP.replace('"udp://192.0.2.1", ', "") + 'profile = "opportunistic"\ndiscover = true\n',
            "no server of this group is in clear text",
        ),
    ],
)
def test_where_nothing_can_be_discovered_that_is_said(text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load(text, "a.toml")
