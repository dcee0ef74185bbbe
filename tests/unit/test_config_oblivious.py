"""`odoh://` in the configuration: a target, a relay of somebody else, and keys from anywhere but the target."""

import json
from pathlib import Path

import pytest

from anchorhold.config.errors import SettingsError, Wrong
from anchorhold.config.load import load
from anchorhold.config.servers import read_server
from anchorhold.config.service import Loaded
from anchorhold.config.stamped import relay_url, stamp_url
from privacy.odoh import build_configs, make_key
from resolver.settings import HttpMethod, ObliviousTarget, UpstreamSpec

VECTORS = Path(__file__).parents[1] / "vectors"
STAMPS = json.loads((VECTORS / "stamps.json").read_text())
CONFIGS = build_configs((make_key(bytes(32)).key,))
FILES = {"/etc/good.odoh": CONFIGS, "/etc/empty.odoh": b"\0\5\0\2\0\1x", "/etc/bad.odoh": b"<html>"}
GOOD = 'url = "odoh://target.example/q", relay = "https://relay.test@192.0.2.1/relay"'


def read_file(path: str) -> bytes:
    if path not in FILES:
        raise OSError(2, "No such file or directory")
    return FILES[path]


def spec(server: str, group: str = "") -> UpstreamSpec:
    text = f'[listen]\naddresses = ["127.0.0.1:5300"]\n[upstreams.default]\n{group}servers = [{{ {server} }}]\n'
    text += '[upstreams.plain]\nservers = ["tls://dns.example@192.0.2.9"]\n'
    return load(text, "/etc/a.toml", read_file=read_file).resolver.upstream_groups[0].servers[0]


def complaints(server: str, group: str = "") -> list[str]:
    with pytest.raises(SettingsError) as caught:
        spec(server, group)
    return [f"{problem.path}: {problem.what}; {problem.hint}" for problem in caught.value.problems]


def test_the_relay_is_connected_to_and_the_target_is_a_name() -> None:
    found = spec(GOOD)
    assert (found.scheme, found.name, found.addresses, found.port) == ("odoh", "relay.test", ("192.0.2.1",), 443)
    assert (found.path, found.operator) == ("/relay", "target.example")
    assert found.target is not None
    assert (found.target.host, found.target.path, found.target.keys) == ("target.example", "/q", b"")
    assert found.label == "odoh://target.example/q through relay.test:443"


def test_the_keys_come_from_the_relay_unless_something_else_is_said() -> None:
    source = UpstreamSpec(
        "https",
        "relay.test",
        ("192.0.2.1",),
        443,
        "relay.test",
        "/.well-known/odohconfigs",
        method=HttpMethod.GET,
    )
    assert spec(GOOD).target == ObliviousTarget("target.example", "/q", b"", (source,))


def test_keys_of_a_file_need_nobody() -> None:
    assert spec(GOOD + ', keys = "good.odoh"').target == ObliviousTarget("target.example", "/q", CONFIGS, ())


def test_keys_of_a_file_may_be_checked_by_the_relay() -> None:
    found = spec(GOOD + ', keys = "good.odoh", keys_check = "relay"').target
    assert found is not None
    assert (found.keys, [source.name for source in found.sources]) == (CONFIGS, ["relay.test"])


def test_another_server_may_show_the_keys() -> None:
    found = spec(GOOD + ', keys_check = "https://mirror.test@192.0.2.2/keys"').target
    assert found is not None
    assert [(s.name, s.path) for s in found.sources] == [
        ("relay.test", "/.well-known/odohconfigs"),
        ("mirror.test", "/keys"),
    ]


def test_pins_authorities_and_bootstrap_are_the_relays() -> None:
    url = 'url = "odoh://target.example", relay = "https://relay.test/relay", bootstrap = "plain"'
    found = spec(f'{url}, pins = ["{"A" * 43}="]')
    assert (found.bootstrap, found.addresses, found.pins) == ("plain", (), (bytes(32),))
    assert found.target is not None
    assert (found.target.path, found.target.sources[0].pins) == ("/dns-query", (bytes(32),))


def test_a_port_of_the_target_is_told_to_the_relay_unless_it_is_443() -> None:
    for port, host in (("443", "target.example"), ("8443", "target.example:8443")):
        found = spec(GOOD.replace("target.example", f"target.example:{port}")).target
        assert found is not None
        assert host == found.host


def test_operators_may_be_named() -> None:
    assert spec(GOOD + ', operator = "them", relay_operator = "us"').operator == "them"


def test_stamps_stand_for_target_and_relay() -> None:
    target, relay = STAMPS["odoh target"][0], STAMPS["odoh relay"][1]
    found = spec(f'url = "{target}", relay = "{relay}"')
    assert (found.name, found.addresses, found.path) == ("odoh-nl.alekberg.net", ("89.38.131.38",), "/proxy")
    assert found.target is not None
    assert (found.target.host, found.target.path) == ("odoh.cloudflare-dns.com", "/dns-query")


@pytest.mark.parametrize(
    ("server", "complaint"),
    [
        ('url = "odoh://target.example"', "asked directly, the target would see who asks"),
        (GOOD.replace("relay.test", "relay.target.example"), "both of target.example"),
        (GOOD.replace("relay.test", "target.example"), "both of target.example"),
        (GOOD + ', operator = "One", relay_operator = "one"', "both run by One"),
        (GOOD + ', operator = "relay.test"', "both run by relay.test"),
        (
            GOOD.replace("https://", "tls://").replace("1/relay", "1"),
            "a relay is asked over https:// (HTTP/2), not over tls://",
        ),
        (GOOD.replace("https://", "h3://"), "a relay is asked over https:// (HTTP/2), not over h3://"),
        (GOOD.replace("odoh://", "odoh://x@"), "a target is never connected to"),
        (GOOD.replace("target.example", "target.example:0"), "is no port"),
        (GOOD.replace("target.example", ""), "names no target"),
        (GOOD.replace("/q", "/q?a=b"), "holds a letter that no target has"),
        (GOOD.replace("target.example", "a_b.example"), "is no host name"),
        (GOOD + ', method = "GET"', "sealed questions are posted"),
        (GOOD + ', keys = "none.odoh"', "cannot read /etc/none.odoh"),
        (GOOD + ', keys = "bad.odoh"', "holds no ObliviousDoHConfigs"),
        (GOOD + ', keys = "empty.odoh"', "holds no key for X25519"),
        (GOOD + ', keys = "https://dns.target.example@192.0.2.3"', "fetched from the target's own operator"),
        (GOOD + ', keys = "tls://a.test@192.0.2.3"', "serves no keys"),
        (GOOD + ', keys = "https://a.test"', "nothing is looked up behind your back"),
        (GOOD + ', keys_check = "relay"', "the same place twice"),
        (GOOD + ', keys = "good.odoh", keys_check = "empty.odoh"', "two files prove nothing"),
        ('url = "tls://a.example@192.0.2.1", relay = "https://b.test@192.0.2.2"', "only odoh:// has this"),
        (f'url = "odoh://target.example", relay = "{STAMPS["doh"][0]}"', "the stamp is no relay's"),
        (f'url = "{STAMPS["odoh relay"][1]}"', "the stamp is a relay's"),
    ],
)
def test_what_cannot_be_says_why(server: str, complaint: str) -> None:
    found = complaints(server)
    assert len(found) == 1, found
    assert complaint in found[0]


def test_there_is_nothing_worse_to_fall_back_to() -> None:
    assert "nothing worse to fall back to" in complaints(GOOD, 'profile = "opportunistic"\n')[0]


def test_a_target_alone_cannot_be_asked_by_hand() -> None:
    with pytest.raises(Wrong, match="reached through a relay"):
        read_server("odoh://target.example")


def test_a_target_behind_a_relay_at_home_is_no_private_route() -> None:
    """What stands before it at a private address is only its carrier: the names are validated."""
    text = '[listen]\naddresses = ["127.0.0.1:5300"]\n[upstreams.default]\nservers = ["tls://dns.example@192.0.2.9"]\n'
    text += '[upstreams.far]\nservers = [{ url = "odoh://target.example", relay = "https://relay.test@192.168.1.1" }]\n'
    text += '[[route]]\ndomains = ["corp.example"]\nupstreams = "far"\n'
    routes = load(text, "a.toml").resolver.routes
    assert [route.private for route in routes if route.upstream_group == 1] == [False]


def test_other_stamps_keep_their_meaning() -> None:
    assert stamp_url(STAMPS["odoh target"][0]) == "odoh://odoh.cloudflare-dns.com/dns-query"
    assert relay_url(STAMPS["odoh relay"][1]) == "https://odoh-nl.alekberg.net@89.38.131.38:443/proxy"
    assert stamp_url(STAMPS["doq"][0]) == "quic://dns.adguard-dns.com:784"


# what is served

SERVED = """\
[listen]
addresses = ["127.0.0.1:5300"]
[upstreams.default]
servers = ["tls://dns.example@192.0.2.9"]
[secure]
name = "alice.test"
listen = ["https://127.0.0.1:8443"]
[secure.odoh]
"""
BOTH = 'target = true\nrelay = true\ntargets = ["https://bob.example@192.0.2.7/odoh"]\n'


def served(odoh: str, base: str = SERVED) -> Loaded:
    return load(base + odoh, "/etc/a.toml", read_file=read_file)


def test_target_and_relay_are_served_and_the_resolver_knows_whom_to_carry_to() -> None:
    loaded = served(BOTH)
    assert loaded.secure is not None
    assert (loaded.secure.odoh_target, loaded.secure.odoh_relay) == (True, True)
    assert loaded.secure.odoh_targets == (("bob.example", "/odoh"),)
    (carried,) = loaded.resolver.carried
    assert (carried.spec.addresses, carried.spec.path, carried.private) == (("192.0.2.7",), "/odoh", False)


def test_neither_is_served_unless_it_is_said() -> None:
    loaded = served("")
    assert loaded.secure is not None
    assert (loaded.secure.odoh_target, loaded.secure.odoh_relay, loaded.resolver.carried) == (False, False, ())


def test_a_target_may_have_a_port_a_name_to_look_up_and_private_addresses() -> None:
    one = '{ url = "https://bob.example:8443/odoh", bootstrap = "default", private = true }'
    loaded = served(f"relay = true\ntargets = [{one}]\n")
    assert loaded.secure is not None
    assert loaded.secure.odoh_targets == (("bob.example:8443", "/odoh"),)
    assert loaded.resolver.carried[0].private


@pytest.mark.parametrize(
    ("odoh", "complaint"),
    [
        ('targets = ["https://bob.example@192.0.2.7/odoh"]', "nothing is carried without a relay"),
        ("relay = true", "a relay without targets carries nothing"),
        ('relay = true\ntargets = ["tls://bob.example@192.0.2.7"]', "tls:// is no target"),
        ('relay = true\ntargets = ["https://bob.example"]', "nothing is looked up behind your back"),
        ('relay = true\ntargets = ["https://dns.alice.test@192.0.2.7"]', "of the same operator as alice.test"),
        (BOTH.replace("]", ', "https://bob.example@192.0.2.8/odoh"]'), "is there twice"),
        (BOTH + 'relay_path = "/odoh"', "something else is at /odoh already"),
        (BOTH + 'target_path = "/dns-query"', "something else is at /dns-query already"),
        ('relay = true\ntargets = [{ url = "https://bob.example/o", bootstrap = "no" }]', "no upstream group"),
        (BOTH + 'target_path = "odoh?x"', "is no path"),
    ],
)
def test_what_cannot_be_served_says_why(odoh: str, complaint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        served(odoh)
    found = [f"{problem.path}: {problem.what}" for problem in caught.value.problems]
    assert len(found) == 1, found
    assert complaint in found[0]
    assert found[0].startswith("secure.odoh")


def test_it_needs_an_https_listener() -> None:
    with pytest.raises(SettingsError, match="nothing listens for that"):
        served(BOTH, SERVED.replace("https://127.0.0.1:8443", "tls://127.0.0.1:8853"))


def test_a_group_holds_several_pairs_but_none_of_them_twice() -> None:
    other = GOOD.replace("relay.test@192.0.2.1", "carrier.test@192.0.2.2")
    third = GOOD.replace("target.example", "opener.example")
    pairs = f"{{ {GOOD} }}, {{ {other} }}, {{ {third} }}"
    text = f'[listen]\naddresses = ["127.0.0.1:5300"]\n[upstreams.default]\nservers = [{pairs}]\n'
    servers = load(text, "a.toml").resolver.upstream_groups[0].servers
    assert [server.operator for server in servers] == ["target.example", "target.example", "opener.example"]
    with pytest.raises(SettingsError, match="is in this group twice"):
        load(text.replace(pairs, f"{pairs}, {{ {other} }}"), "a.toml")
