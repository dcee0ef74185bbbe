"""`[dnssec]` and what a route says of validation."""

from datetime import UTC, datetime

import pytest

from anchorhold.config.errors import SettingsError
from anchorhold.config.load import load
from resolver.dnssec.anchors import Anchors, By, NegativeAnchor, TrustAnchor
from resolver.dnssec.scope import ROUTED, anchors_for
from resolver.settings import ResolverSettings
from wire.dns.names import ROOT, read_name, show_name
from wire.dns.signing import parse_ds
from wire.units import Epoch

BASE = '[listen]\naddresses = ["127.0.0.1:5300"]\n[upstreams.default]\nservers = ["tls://dns.example@9.9.9.9"]\n'
INSIDE = '[upstreams.inside]\nprofile = "opportunistic"\nservers = ["udp://10.0.0.53", "udp://[fd00::53]"]\n'
CORP = read_name("corp.example")
DIGEST = "49FD46E6C4B45C55D4AC69CBD3CD34AC1AFE51DE98F5C0C2E6A2B3A4E5D6C7F8"
NOW = Epoch(1_800_000_000.0)


def settings(text: str) -> ResolverSettings:
    return load(BASE + text, "anchorhold.toml").resolver


def anchors(text: str, place: int = 0) -> Anchors:
    return anchors_for(settings(text), place)


def complaints(text: str) -> str:
    with pytest.raises(SettingsError) as raised:
        load(BASE + text, "anchorhold.toml")
    return str(raised.value)


def test_without_a_word_the_root_is_trusted_and_nothing_is_excepted() -> None:
    found = anchors("")
    assert ([ROOT], {}) == (list(found.trusted), found.negative)
    assert [20326, 38696] == [record.tag for record in found.trusted[ROOT].records]


def test_keys_of_ones_own_zones_come_besides_and_those_of_the_root_instead() -> None:
    found = anchors(f'[dnssec]\ntrust_anchors = ["corp.example. DS 12345 13 2 {DIGEST}"]\n')
    assert {ROOT, CORP} == set(found.trusted)
    found = anchors(f'[dnssec]\ntrust_anchors = [". 3600 IN DS 12345 13 2 {DIGEST}"]\n')
    assert [12345] == [record.tag for record in found.trusted[ROOT].records]


def test_a_key_is_as_good_as_its_digest() -> None:
    (anchor,) = settings(
        '[dnssec]\ntrust_anchors = ["corp.example. DNSKEY 257 3 13 mdsswUyr3DPW132m"]\n'
    ).dnssec.anchors[2:]
    assert (CORP, 13, 2, 32) == (
        anchor.zone,
        parse_ds(anchor.delegation).algorithm,
        parse_ds(anchor.delegation).digest_type,
        len(parse_ds(anchor.delegation).digest),
    )


def test_a_negative_anchor_has_a_zone_a_reason_and_perhaps_an_end() -> None:
    text = '[[dnssec.negative]]\nzone = "Corp.Example"\nreason = "keys expired"\nuntil = {}\n'
    for until, expected in [
        ("2030-01-02", datetime(2030, 1, 2, tzinfo=UTC)),
        ("2030-01-02T03:04:05Z", datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2030-01-02T03:04:05", datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ('"2030-01-02"', datetime(2030, 1, 2, tzinfo=UTC)),
    ]:
        (found,) = settings(text.format(until)).dnssec.negative
        assert (CORP, "keys expired", expected.timestamp()) == (found.zone, found.reason, found.until)
    assert settings(text.replace("until = {}\n", "")).dnssec.negative[0].until is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('trust_anchors = ["corp.example. DS 1 2"]', "trust_anchors[0]: this is no trust anchor"),
        ('trust_anchors = ["corp.example. A 192.0.2.1"]', "neither DS nor DNSKEY"),
        (f'trust_anchors = ["corp.example. DS 70000 13 2 {DIGEST}"]', "this is no trust anchor"),
        ('trust_anchors = [""]', "this is no trust anchor, or more than one"),
        ('[[dnssec.negative]]\nzone = "corp.example"', "dnssec.negative[0].reason: it is missing"),
        ('[[dnssec.negative]]\nzone = "corp.example"\nreason = " "', "a reason is needed"),
        ('[[dnssec.negative]]\nzone = "a..b"\nreason = "x"', "no domain name"),
        ('[[dnssec.negative]]\nzone = "a"\nreason = "x"\nuntil = "soon"', "no date; write 2026-12-31"),
        ('[[dnssec.negative]]\nzone = "a"\nreason = "x"\nends = 1', "unknown key"),
        (2 * '[[dnssec.negative]]\nzone = "a"\nreason = "x"\n', "a. is there twice"),
        (
            f'trust_anchors = ["a. DS 1 13 2 {DIGEST}"]\n[[dnssec.negative]]\nzone = "a"\nreason = "x"',
            "a. has a trust anchor too",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, said: str) -> None:
    assert said in complaints(f"[dnssec]\n{text}\n").replace("\n", " ")


def test_keys_that_count_for_nothing_are_not_followed() -> None:
    text = '[[dnssec.negative]]\nzone = "."\nreason = "a test"\n'
    assert [] == list(load(BASE + text, "a").keeper.anchors)
    assert 2 == len(load(BASE + text + "until = 2030-01-01\n", "a").keeper.anchors)
    assert 2 == len(load(BASE, "a").keeper.anchors)


def test_signatures_over_sha1_count_unless_the_user_says_otherwise() -> None:
    assert [True, False] == [
        settings(text).dnssec.sha1_signatures for text in ("", "[dnssec]\nsha1_signatures = false\n")
    ]


def route(text: str) -> str:
    return INSIDE + f'[[route]]\ndomains = ["corp.example"]\n{text}\n'


def test_names_routed_to_servers_of_this_network_are_theirs_there_and_only_there() -> None:
    text = route('upstreams = "inside"')
    assert NegativeAnchor(CORP, ROUTED, by=By.ROUTE) == anchors(text, 1).closest(read_name("a.corp.example"), NOW)
    assert isinstance(anchors(text, 1).closest(read_name("bank.example"), NOW), TrustAnchor)
    assert {} == anchors(text, 0).negative


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ('upstreams = "inside"', True),
        ('upstreams = "default"', False),
        ('authorities = ["192.168.1.1", "fd00::1"]', True),
        ('authorities = ["192.168.1.1", "9.9.9.9"]', False),
        ("iterate = true", False),
        ('upstreams = "inside"\nvalidate = "always"', False),
        ('upstreams = "default"\nvalidate = "never"', True),
    ],
)
def test_which_routes_are_private_only_the_configuration_says(text: str, private: bool) -> None:
    assert private == settings(route(text)).routes[0].private


def test_the_root_is_never_private_by_itself_nor_by_a_route() -> None:
    text = INSIDE + '[[route]]\nupstreams = "inside"\n'
    assert not settings(text).routes[0].private
    assert "this would believe anything about every name" in complaints(text + 'validate = "never"\n')


def test_a_trust_anchor_for_a_routed_zone_counts() -> None:
    text = route('upstreams = "inside"') + f'[dnssec]\ntrust_anchors = ["corp.example. DS 12345 13 2 {DIGEST}"]\n'
    assert isinstance(anchors(text, 1).closest(CORP, NOW), TrustAnchor)


def test_servers_of_time_are_known_without_a_word_and_may_be_others() -> None:
    known = settings("").dnssec.time_sources
    assert {"pool.ntp.org.", "time.cloudflare.com.", "ntp.ubuntu.com."} <= {show_name(name) for name in known}
    assert () == settings("[dnssec]\ntime_sources = []\n").dnssec.time_sources
    assert (read_name("ntp.corp.example"),) == settings(
        '[dnssec]\ntime_sources = ["NTP.corp.example"]\n'
    ).dnssec.time_sources


@pytest.mark.parametrize(("name", "expected"), [(".", "holds more than"), ("com", "holds more than"), ("a..b", "a..b")])
def test_what_is_no_name_of_servers_of_time_is_said_with_its_place(name: str, expected: str) -> None:
    said = complaints(f'[dnssec]\ntime_sources = ["time.example.net", "{name}"]\n')
    assert "dnssec.time_sources[1]" in said
    assert expected in said
