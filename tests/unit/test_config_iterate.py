"""[resolve], and the routes that ask authoritative servers ourselves."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorhold.config.errors import SettingsError, Wrong
from anchorhold.config.hints import packaged_hints
from anchorhold.config.iterations import read_authority
from anchorhold.config.load import load
from anchorhold.config.service import Loaded
from anchorhold.settings_file import shown_routes, warnings
from resolver.settings import Authority, Family, Iteration, Minimisation, Route

LISTEN = '[listen]\naddresses = ["127.0.0.1:5300"]\n'
ITERATE = LISTEN + '[resolve]\nmode = "iterate"\n'
UPSTREAM = '[upstreams.default]\nservers = ["tls://dns.example@192.0.2.1"]\n'
CLEAR = '[upstreams.clear]\nprofile = "opportunistic"\nservers = ["udp://192.0.2.2"]\n'
HINTS = ". 5 NS a.\na. 5 A 192.0.2.9\n"
ROOT = b"\0"
CORP = b"\4corp\7example\0"


def loaded(text: str) -> Loaded:
    return load(text, "a.toml")


def complaints(text: str) -> list[str]:
    try:
        load(text, "a.toml")
    except SettingsError as error:
        return [problem.text("a.toml") for problem in error.problems]
    return []


def test_iterating_needs_no_upstream() -> None:
    resolver = loaded(ITERATE).resolver
    assert (resolver.upstream_groups, resolver.routes) == ((), (Route(ROOT, -1, 0),))
    assert resolver.iterations == (Iteration("iterate", ROOT, packaged_hints()),)


def test_forwarding_makes_no_iteration() -> None:
    assert loaded(LISTEN + UPSTREAM).resolver.iterations == ()


def test_every_setting_of_iteration_reaches_the_resolver(tmp_path: Path) -> None:
    (tmp_path / "hints").write_text(HINTS)
    text = (
        ITERATE + 'minimise = "strict"\nfamily = "prefer-ipv6"\nport = 5353\nprivate_servers = true\n'
        'root_hints = "hints"\nlocal_root_servers = ["192.0.2.7", "[2001:db8::7]:54"]\nprobe_encryption = true\n'
        'nat64 = "64:ff9b:0:0::/96"\n'
    )
    assert load(text, str(tmp_path / "a.toml")).resolver.iterations == (
        Iteration(
            "iterate",
            ROOT,
            (Authority(b"\1a\0", ("192.0.2.9",)),),
            minimisation=Minimisation.STRICT,
            family=Family.PREFER_IPV6,
            port=5353,
            private_servers=True,
            local_root_servers=("192.0.2.7", "2001:db8::7@54"),
            probe_encryption=True,
            nat64="64:ff9b::/96",
        ),
    )


def test_some_domains_are_iterated_and_the_rest_forwarded() -> None:
    resolver = loaded(LISTEN + UPSTREAM + '[[route]]\ndomains = ["corp.example"]\niterate = true\n').resolver
    assert resolver.routes == (Route(CORP, -1, 1), Route(ROOT, -1, 0))
    assert [one.name for one in resolver.iterations] == ["iterate"]


def test_some_domains_are_forwarded_and_the_rest_iterated() -> None:
    text = ITERATE + CLEAR + '[[route]]\ndomains = ["corp.example"]\nupstreams = "clear"\n'
    assert loaded(text).resolver.routes == (Route(CORP, -1, 0, private=True), Route(ROOT, -1, 1))


def test_a_stub_zone_has_its_own_servers_and_is_not_primed() -> None:
    text = (
        LISTEN
        + UPSTREAM
        + '[[route]]\ndomains = ["corp.example"]\nauthorities = ["8.8.8.8", "[2001:4860::8]:5353", "8.8.4.4@5353"]\n'
    )
    resolver = loaded(text).resolver
    servers = (Authority(ROOT, ("8.8.8.8", "2001:4860::8@5353", "8.8.4.4@5353")),)
    assert resolver.iterations == (Iteration("stub:corp.example.", CORP, servers, prime=False),)
    assert resolver.routes == (Route(CORP, -1, 1), Route(ROOT, -1, 0))


def test_a_stub_zone_served_inside_may_delegate_to_the_inside() -> None:
    text = ITERATE + '[[route]]\ndomains = ["corp.example"]\nauthorities = ["8.8.8.8", "10.0.0.1"]\n'
    assert [(one.name, one.private_servers) for one in loaded(text).resolver.iterations] == [
        ("stub:corp.example.", True),
        ("iterate", False),
    ]


def test_equal_iterations_are_one_and_names_are_never_shared() -> None:
    clients = '[clients.a]\nnetworks = ["10.0.0.1"]\n[clients.b]\nnetworks = ["10.0.0.2"]\n'
    routes = (
        '[[route]]\ndomains = ["corp.example", "x"]\nauthorities = ["10.0.0.53"]\nclients = "a"\n'
        '[[route]]\ndomains = ["corp.example"]\nauthorities = ["10.0.0.53"]\nclients = "b"\n'
        '[[route]]\ndomains = ["corp.example"]\nauthorities = ["10.0.0.54"]\n'
    )
    resolver = loaded(ITERATE + clients + routes).resolver
    assert [one.name for one in resolver.iterations] == [
        "stub:corp.example.",
        "stub:x.",
        "stub:corp.example.#2",
        "iterate",
    ]
    assert [route.upstream_group for route in resolver.routes] == [0, 1, 0, 2, 3]


def test_the_root_itself_may_be_a_stub() -> None:
    (one,) = loaded(LISTEN + '[[route]]\nauthorities = ["10.0.0.53"]\n').resolver.iterations
    assert (one.name, one.zone, one.prime) == ("stub:.", ROOT, False)


def test_a_fallback_is_an_index_among_groups_and_iterations() -> None:
    text = (
        LISTEN
        + CLEAR
        + UPSTREAM
        + '[[route]]\ndomains = ["a"]\nupstreams = "clear"\nfallback = "iterate"\n'
        + '[[route]]\ndomains = ["b"]\nauthorities = ["10.0.0.53"]\nfallback = "default"\n'
        + '[[route]]\ndomains = ["c"]\niterate = true\nfallback = "clear"\n'
        + '[[route]]\ndomains = ["d"]\nauthorities = ["10.0.0.53"]\nfallback = "iterate"\n'
    )
    settings = loaded(text)
    assert [(route.upstream_group, route.fallback) for route in settings.resolver.routes] == [
        (0, 2),
        (3, 1),
        (2, 0),
        (4, 2),
        (1, -1),
    ]
    assert [(route.domain, route.upstreams, route.fallback) for route in shown_routes(settings)] == [
        ("a.", "clear", "iterate"),
        ("b.", "stub:b.", "default"),
        ("c.", "iterate", "clear"),
        ("d.", "stub:d.", "iterate"),
        (".", "default", ""),
    ]


def test_iterating_first_for_every_name_may_fall_back_to_an_operator() -> None:
    resolver = loaded(ITERATE + UPSTREAM + '[[route]]\niterate = true\nfallback = "default"\n').resolver
    assert resolver.routes == (Route(ROOT, -1, 1, 0),)


@pytest.mark.parametrize(
    ("fallback", "said"),
    [
        ("iterate", "a.toml:10: route[0].fallback: default is strict, and iteration asks in clear text; "),
        ("clear", "a.toml:10: route[0].fallback: default is strict, and clear may ask in clear text; "),
        ("willing", "a.toml:10: route[0].fallback: default is strict, and willing may ask in clear text; "),
    ],
)
def test_a_strict_group_never_falls_back_to_clear_text(fallback: str, said: str) -> None:
    text = (
        f'{LISTEN}{UPSTREAM}{CLEAR}[[route]]\nupstreams = "default"\nfallback = "{fallback}"\n'
        '[upstreams.willing]\nprofile = "opportunistic"\nservers = ["tls://dns.example@192.0.2.3"]\n'
    )
    (line,) = complaints(text)
    assert line.startswith(said)
    assert 'write profile = "opportunistic" in [upstreams.default]' in line


def test_a_strict_group_may_fall_back_to_a_strict_one_and_an_opportunistic_one_to_anything() -> None:
    other = '[upstreams.other]\nservers = ["tls://dns.example@192.0.2.3"]\n'
    for one, then in (("default", "other"), ("clear", "default"), ("clear", "iterate")):
        route = f'[[route]]\ndomains = ["a"]\nupstreams = "{one}"\nfallback = "{then}"\n'
        assert complaints(LISTEN + UPSTREAM + CLEAR + other + route) == []


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ('[[route]]\ndomains = ["a"]', "a.toml:5: route[0]: this route leads nowhere; add upstreams ="),
        ('[[route]]\niterate = false\ndomains = ["a"]', "leads nowhere"),
        ('[[route]]\nupstreams = "default"\niterate = true', "a.toml:7: route[0].iterate: upstreams is there too"),
        ('[[route]]\niterate = true\nauthorities = ["10.0.0.1"]', "route[0].authorities: iterate is there too"),
        ('[[route]]\nauthorities = ["ns.example"]', "a.toml:6: route[0].authorities[0]: 'ns.example' is no IP address"),
        ('[[route]]\ndomains = ["a", "b"]\nauthorities = ["10.0.0.1@0"]', "no server has port 0"),
        ('[[route]]\nauthorities = ["10.0.0.1", "10.0.0.1"]', "10.0.0.1 is there twice; drop one"),
        ('[[route]]\nauthorities = ["224.0.0.1"]', "is no server's address"),
        ('[[route]]\niterate = true\nfallback = "defalt"', "did you mean 'default'?"),
        ('[[route]]\niterate = true\nfallback = "iterat"', "did you mean 'iterate'?"),
        ('[[route]]\niterate = true\nfallback = "iterate"', "it falls back to itself"),
        ('[[route]]\nupstreams = "default"\nfallback = "default"', "it falls back to itself"),
        ('[[route]]\nupstreams = "default"\nfalback = "default"', "did you mean 'fallback'?"),
        ('[[route]]\nitrate = true\ndomains = ["a"]', "did you mean 'iterate'?"),
        ('[upstreams.iterate]\nservers = ["tls://192.0.2.1"]', "'iterate' means asking from the root on"),
        ('[resolve]\nmode = "iterat"', "did you mean 'iterate'?"),
        ('[resolve]\nminimise = "of"', "'relaxed', 'strict' or 'off'"),
        ('[resolve]\nfamily = "ipv4"', "did you mean 'only-ipv4'?"),
        ("[resolve]\nport = 0", "greater than or equal to 1"),
        ("[resolve]\nprivate_servers = 1", "valid boolean"),
        ('[resolve]\nlocal_root_servers = ["here"]', "resolve.local_root_servers[0]: 'here' is no IP address"),
        ('[resolve]\nroot_hints = "gone"', "gone: No such file"),
        ('[limits]\nminimise = "off"', "it belongs in [resolve]"),
    ],
)
def test_one_mistake_is_one_complaint_with_a_hint(extra: str, said: str) -> None:
    lines = complaints(LISTEN + UPSTREAM + extra)
    assert (len(lines), said in lines[0]) == (1, True), lines


def test_a_route_for_every_name_contradicts_the_mode() -> None:
    (line,) = complaints(ITERATE + UPSTREAM + '[[route]]\nupstreams = "default"\n')
    assert "so mode in [resolve] means nothing" in line
    (line,) = complaints(ITERATE + '[[route]]\nauthorities = ["10.0.0.1"]\n')
    assert "so mode in [resolve] means nothing" in line


def test_without_anybody_to_ask_both_ways_are_named() -> None:
    (line,) = complaints(LISTEN)
    assert "[upstreams.default]" in line
    assert 'mode = "iterate" in [resolve]' in line


def test_a_misspelt_mode_is_not_complained_of_as_a_missing_upstream() -> None:
    (line,) = complaints(LISTEN + '[resolve]\nmode = "iterrate"\n')
    assert line.startswith("a.toml:4: resolve.mode: ")


@pytest.mark.parametrize("name", ["hints", "bad", "octets"])
def test_files_of_the_root_that_are_of_no_use_are_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "hints").write_text(HINTS)
    (tmp_path / "bad").write_text(". 5 NS a.\n")
    (tmp_path / "octets").write_bytes(b"\xff")
    key, said = {
        "hints": ("local_root", "hints: "),
        "bad": ("root_hints", "bad: a. has no address"),
        "octets": ("root_hints", "octets is no text"),
    }[name]
    with pytest.raises(SettingsError, match=said) as caught:
        load(f'{ITERATE}{key} = "{name}"\n', str(tmp_path / "a.toml"))
    assert [problem.path for problem in caught.value.problems] == [f"resolve.{key}"]


def test_a_family_that_leaves_no_server_is_said() -> None:
    (line,) = complaints(
        ITERATE + 'family = "only-ipv6"\n[[route]]\ndomains = ["a", "b"]\nauthorities = ["10.0.0.53", "10.0.0.54"]\n'
    )
    assert line.startswith("a.toml:8: route[0].authorities: none of these servers has an IPv6 address")
    (line,) = complaints(ITERATE + 'family = "only-ipv4"\n[[route]]\ndomains = ["a"]\nauthorities = ["2001:db8::1"]\n')
    assert "IPv4" in line


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('nat64 = "64:ff9b::/95"', "no length of a prefix"),
        ('nat64 = "10.0.0.0/8"', "no IPv6 network"),
        ('nat64 = "64:ff9b::/96"\nfamily = "only-ipv4"', "family is only-ipv4"),
    ],
)
def test_a_translator_that_cannot_be_is_said(line: str, said: str) -> None:
    (complaint,) = complaints(ITERATE + line + "\n")
    assert (True, True) == ("resolve.nat64" in complaint, said in complaint)


def test_through_a_translator_servers_with_ipv4_only_will_do() -> None:
    stub = '[[route]]\ndomains = ["a"]\nauthorities = ["192.0.2.53"]\n'
    text = ITERATE + 'nat64 = "64:ff9b::/96"\nfamily = "only-ipv6"\n' + stub
    assert {"64:ff9b::/96"} == {one.nat64 for one in loaded(text).resolver.iterations}


def test_all_errors_of_iteration_come_together() -> None:
    lines = complaints(
        LISTEN
        + '[resolve]\nmode = "iterate"\nminimise = "all"\nroot_hints = "gone"\n'
        + '[[route]]\ndomains = ["a"]\nauthorities = ["x"]\nfallback = "nobody"\n[dns64]\nprefixes = ["10.0.0.0/8"]\n'
    )
    assert [line.split(": ")[1] for line in lines] == [
        "resolve.minimise",
        "resolve.root_hints",
        "route[0].authorities[0]",
        "route[0].fallback",
        "dns64.prefixes[0]",
    ]
    assert all("; " in line for line in lines)


def test_who_iterates_is_warned_of_clear_text_and_of_what_is_for_tests() -> None:
    said = warnings(loaded(ITERATE + 'minimise = "off"\nport = 5353\nprivate_servers = true\n'))
    words = ("clear text", "whole name", "your own network", "port 5353")
    assert [word for word in words if not any(word in line for line in said)] == []


def test_a_group_that_only_stands_in_is_not_called_unused() -> None:
    said = warnings(loaded(ITERATE + UPSTREAM + '[[route]]\niterate = true\nfallback = "default"\n'))
    assert [line for line in said if "no route leads here" in line] == []


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:5353", "192.0.2.1@5353"),
        ("192.0.2.1@5353", "192.0.2.1@5353"),
        ("2001:DB8::1", "2001:db8::1"),
        ("2001:db8::1@53", "2001:db8::1@53"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:5353", "2001:db8::1@5353"),
        ("[2001:db8::1]@5353", "2001:db8::1@5353"),
    ],
)
def test_an_authority_is_an_address_and_perhaps_a_port(text: str, read: str) -> None:
    assert read_authority(text) == read


@pytest.mark.parametrize("text", ["", "@53", "192.0.2.1@", "192.0.2.1:", "192.0.2.1@x", "[::1", "[::1]x", "::", "a@1"])
def test_what_is_no_authority_is_wrong(text: str) -> None:
    with pytest.raises(Wrong):
        read_authority(text)


@given(st.text(max_size=30) | st.from_regex(r"[\[\]0-9a-f:.@]{0,24}", fullmatch=True))
def test_any_text_is_an_authority_or_wrong(text: str) -> None:
    try:
        read = read_authority(text)
    except Wrong:
        return
    assert read_authority(read) == read
