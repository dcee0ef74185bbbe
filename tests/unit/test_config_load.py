import base64
import dataclasses
import re
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from kit.configured import MINIMAL, complaint, loaded, refused

from anchorhold.config import schema, schema_acme, schema_dhcp, schema_oblivious, schema_policy
from anchorhold.config.errors import SettingsError, Wrong
from anchorhold.config.load import load
from anchorhold.config.reference import PAGE, TABLES, attribute_texts, page
from anchorhold.config.servers import read_server
from anchorhold.config.service import ListenAddress
from resolver.settings import CacheSettings, ClientGroup, FrontSettings, HttpMethod, Profile, ResolverSettings, Route


def test_four_lines_are_enough() -> None:
    settings = load(MINIMAL, "a.toml", generation=7)
    assert (settings.front.generation, settings.resolver.generation) == (7, 7)
    assert settings.service.listen == (ListenAddress("127.0.0.1", 5300),)
    assert settings.resolver.routes == (Route(b"\0", -1, 0),)
    assert "127.0.0.0/8" in settings.front.allow
    assert settings.resolver.upstream_groups[0].profile is Profile.STRICT


def test_neither_cell_gets_what_only_the_other_may_know() -> None:
    settings = loaded('[clients.kids]\nnetworks = ["192.168.1.0/28"]\n')
    assert "192.0.2.1" not in repr(settings.front)
    assert "dns.example" not in repr(settings.front)
    assert "192.168" not in repr(settings.resolver)
    assert settings.resolver.client_groups == ("default", "kids")
    assert settings.front.client_groups[1] == ClientGroup("kids", ("192.168.1.0/28",))


def test_all_errors_come_together_with_line_path_and_hint() -> None:
    lines = refused(
        """\
[listn]
[listen]
addresses = ["127.0.0.1:5300", "localhost:53"]
cokies = true
rate = 5
[[route]]
domains = ["corp.example"]
upstreams = "ofice"
[upstreams.default]
strategy = "sprad"
servers = ["udp://192.0.2.1"]
[upstreams.office]
servers = []
"""
    )
    assert [line.split(": ")[0:2] for line in lines] == [
        ["a.toml:1", "listn"],
        ["a.toml:3", "listen.addresses[1]"],
        ["a.toml:4", "listen.cokies"],
        ["a.toml:5", "listen.rate"],
        ["a.toml:8", "route[0].upstreams"],
        ["a.toml:10", "upstreams.default.strategy"],
        ["a.toml:11", "upstreams.default.servers[0]"],
        ["a.toml:13", "upstreams.office.servers"],
    ]
    assert all("; " in line for line in lines)
    hints = [lines[0], lines[2], lines[3], lines[4], lines[5]]
    means = ["'listen'?", "'cookies'?", "[limits]", "'office'?", "'spread'?"]
    assert [hint for hint, meant in zip(hints, means, strict=True) if meant not in hint] == []


def test_what_is_no_toml_is_one_error_with_its_line() -> None:
    assert refused("[listen]\naddresses = [\n") == [refused("[listen]\naddresses = [\n")[0]]
    assert refused("[listen]\nx = = 1")[0].startswith("a.toml:2: this is no TOML: ")


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("[limits]\nrate = true", "limits.rate: true will not do"),
        ('[limits]\nrate = "5"', "limits.rate: '5' will not do"),
        ("[limits]\ntcp_idle = 0", "greater than or equal to 1"),
        ("[limits]\nburst = nan", "finite number"),
        ("[cache]\nstale = 1", "valid boolean"),
        ('[cache]\nmemory = "3 MB"', "write octets, or a number with KiB"),
        ("[cache]\nmemory = 12", "greater than or equal to 1048576"),
        ('[access]\nallow = "10.0.0.0/8"', 'it must be an array; write ["10.0.0.0/8"]'),
        ("[access]\nallow = [5]", 'access.allow[0]: 5 is no text; write "5" with quotes'),
        ('[route]\nupstreams = "default"', "with two brackets"),
        ('[[route]]\ndomains = ["a"]', "route[0]: this route leads nowhere; add upstreams ="),
        ('[privacy]\nlog_names = "yes"', "valid boolean"),
        ("clients = 3", "clients"),
        ("[clients]\nkids = 3", "write [clients.kids] above its keys"),
    ],
)
def test_a_single_value_that_will_not_do_is_named(extra: str, said: str) -> None:
    text = extra + "\n" + MINIMAL if extra.startswith("clients") else MINIMAL + extra
    lines = refused(text)
    assert (len(lines), said in lines[0]) == (1, True), lines


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ('[access]\nallow = ["0.0.0.0/0"]', "everybody = true"),
        ('[access]\nallow = ["::/0"]', "everybody = true"),
        ('[access]\nallow = ["192.168.1.1/24"]', "write 192.168.1.0/24"),
        ('[access]\nallow = ["10.0.0.0/8", "10.0.0.0/8"]', "is there twice"),
        ("[access]\nallow = []", "nobody may ask"),
        ('[clients.a]\nnetworks = ["10.0.0.0/9"]\n[clients.b]\nnetworks = ["10.0.0.0/9"]', "clients.a.networks[0]"),
        ('[clients.a]\nnetworks = ["10.0.0.1", "10.0.0.1"]', "is named twice"),
        ("[clients.a]\nnetworks = []", "holds nobody"),
        ('[clients.a]\nnetworks = ["8.8.8.0/24"]', "add it to allow in [access]"),
        ('[clients.default]\nnetworks = ["10.0.0.0/8"]', "takes whoever no other group names"),
        ('[clients."a b"]\nnetworks = ["10.0.0.0/8"]', "is no name for a group"),
        ('[[route]]\nupstreams = "x"', "there are: default"),
        ('[[route]]\nupstreams = "default"\nclients = "kid"\n[clients.kids]\nnetworks = ["10.0.0.1"]', "'kids'?"),
        ('[[route]]\nupstreams = "default"\ndomains = ["a..b"]', "is no domain name"),
        ('[[route]]\nupstreams = "default"\ndomains = []', "no domain, so nothing"),
        ('[[route]]\nupstreams = "default"\ndomains = ["a", "A."]', "same domain and clients"),
        ("[upstreams.b]\n", "a group without servers"),
        ('[upstreams.b]\nservers = ["tls://a.example"]', "behind your back"),
        ('[upstreams.b]\nservers = ["udp://192.0.2.1"]', 'profile = "opportunistic"'),
        ('[upstreams.b]\nservers = ["tls://a@192.0.2.1", "tls://a@192.0.2.1"]', "in this group twice"),
        ('[upstreams.b]\nservers = [{ url = "https://a.example", bootstrap = "defalt" }]', "did you mean 'default'?"),
        ('[upstreams.b]\nservers = [{ url = "https://a.example", bootstrap = "b" }]', "in a circle: b → b"),
        ('[upstreams.b]\nservers = [{ url = "tls://192.0.2.1", pins = ["AAAA"] }]', "is 3 octets long, not 32"),
        ('[upstreams.b]\nservers = [{ url = "tls://192.0.2.1", pins = ["?"] }]', "is no base64"),
        ('[upstreams.b]\nservers = [{ url = "tls://192.0.2.1", ca_file = "gone.pem" }]', "gone.pem: No such file"),
        ('[upstreams.b]\nservers = [{ url = "tls://192.0.2.1", method = "GET" }]', "has no method"),
        ('[upstreams.b]\nservers = [{ url = "quic://192.0.2.1", method = "GET" }]', "only https:// and h3:// have one"),
        ('[upstreams.b]\nhttp3 = true\nservers = ["tls://192.0.2.1"]', "h3:// speaks HTTP/3 from the start"),
        ('[upstreams.b]\nservers = ["quic://192.0.2.1/x"]', "only https:// and h3:// have one"),
        ('[upstreams.b]\nservers = ["h3://a.example"]', "behind your back"),
        ("[cache]\nminimum_ttl = 100\nmaximum_ttl = 50", "above maximum_ttl"),
        ("[cache]\nstale_after = 5", "after the deadline"),
        ("[limits]\nburst = 0.5", "no query is ever answered"),
        ("[limits]\ntcp_clients = 2", "above tcp_clients"),
    ],
)
def test_values_that_do_not_go_together_are_named(extra: str, said: str) -> None:
    line = complaint(extra)
    assert said in line, line


def test_groups_that_need_each_other_are_one_circle() -> None:
    line = complaint(
        '[upstreams.b]\nservers = [{ url = "https://b.example", bootstrap = "c" }]\n'
        '[upstreams.c]\nservers = [{ url = "https://c.example", bootstrap = "b" }]\n'
    )
    assert "b → c → b" in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "nowhere to listen"),
        ("", "nobody to ask; add [upstreams.default]"),
        (
            '[upstreams.a]\nservers=["tls://192.0.2.1"]\n[upstreams.b]\nservers=["tls://192.0.2.2"]',
            "rename one of a, b",
        ),
        ('[listen]\naddresses = ["*:53"]', "0.0.0.0:53 and [::]:53"),
        ('[listen]\naddresses = ["127.0.0.1:70000"]', "is no port"),
        ('[listen]\naddresses = ["[::1]x"]', "write [::1]:53"),
        ('[listen]\naddresses = ["127.0.0.1", "127.0.0.1:53"]', "is there twice"),
    ],
)
def test_what_is_missing_as_a_whole_is_said(text: str, said: str) -> None:
    assert any(said in line for line in refused(text))


def test_a_wrong_part_does_not_hide_or_invent_other_errors() -> None:
    lines = refused('[listen]\naddresses = [1]\n[upstreams.default]\nservers = [3]\n[[route]]\nupstreams = "x"\n')
    assert [line.split(":")[1] for line in lines] == ["2", "4", "6"]


def test_the_only_group_is_asked_whatever_its_name() -> None:
    settings = load(MINIMAL.replace("default", "mine"), "a.toml")
    assert settings.resolver.routes == (Route(b"\0", -1, 0),)


def test_routes_hold_folded_names_and_indices() -> None:
    settings = loaded(
        '[clients.kids]\nnetworks = ["10.0.0.1"]\n'
        '[upstreams.b]\nprofile = "opportunistic"\nservers = ["udp://10.0.0.53"]\n'
        '[[route]]\ndomains = ["Corp.Example", "bücher.example."]\nupstreams = "b"\nclients = "kids"\n'
    )
    assert settings.resolver.routes == (
        Route(b"\x04corp\x07example\0", 1, 1, private=True),
        Route(b"\x0dxn--bcher-kva\x07example\0", 1, 1, private=True),
        Route(b"\0", -1, 0),
    )


def test_every_setting_of_the_cells_can_be_set() -> None:
    settings = loaded(
        "[service]\ncores = 2\n"
        "[limits]\nrate = 1\nburst = 2\ntcp_clients = 30\ntcp_clients_per_address = 4\ntcp_pipeline = 5\ntcp_idle = 6\n"
        'deadline = 7\n[cache]\nmemory = "1 MiB"\nminimum_ttl = 1\nmaximum_ttl = 2\nnegative_ttl = 3\nfailure_ttl = 4\n'
        "stale = false\nstale_for = 5\nstale_ttl = 6\nstale_after = 0.7\nprefetch = false\n"
        '[privacy]\nlog_names = true\n[dns64]\nprefixes = ["64:ff9b::/96"]\n[[route]]\niterate = true\n'
    )
    limits = LIMITS + '[service]\ncores = 2\n[lists]\nads = "https://lists.example/"\n'
    settings = dataclasses.replace(
        settings,
        front=load(MINIMAL.replace("[upstreams", "payload = 512\ncookies = false\n[upstreams") + limits, "a").front,
    )
    plain_front, plain_resolver = (
        FrontSettings(1, (), (), CacheSettings()),
        ResolverSettings(1, (), (), (), CacheSettings()),
    )
    same = [
        field.name
        for one, other in ((settings.front, plain_front), (settings.resolver, plain_resolver))
        for field in dataclasses.fields(one)
        if field.default is not dataclasses.MISSING and getattr(one, field.name) == getattr(other, field.name)
    ]
    same += [f.name for f in dataclasses.fields(CacheSettings) if getattr(settings.resolver.cache, f.name) == f.default]
    # Made of [dhcp] (tests/unit/test_config_lease_names.py) and of [secure].
    assert same == ["leases", "announcement", "carried"]
    assert settings.resolver.cache.memory == 1024 * 1024


LIMITS = """\
[limits]
rate = 1
burst = 2
tcp_clients = 30
tcp_clients_per_address = 4
tcp_pipeline = 5
tcp_idle = 6
deadline = 7
"""


def test_a_servers_table_gives_every_field(tmp_path: Path) -> None:
    authority = trustme.CA()
    (tmp_path / "ca.pem").write_bytes(authority.cert_pem.bytes())
    pin = base64.b64encode(bytes(range(32))).decode()
    text = MINIMAL.replace(
        '"tls://dns.example@192.0.2.1"',
        f'{{ url = "https://dns.example@192.0.2.1/q", operator = "Me", pins = ["sha256/{pin}"], '
        'ca_file = "ca.pem", method = "GET" }',
    )
    spec = load(text, str(tmp_path / "a.toml")).resolver.upstream_groups[0].servers[0]
    assert (spec.operator, spec.pins, spec.path, spec.method) == ("Me", (bytes(range(32)),), "/q", HttpMethod.GET)
    assert spec.authorities == authority.cert_pem.bytes().decode()


def test_a_file_that_is_no_certificate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    text = MINIMAL + '[upstreams.b]\nservers = [{ url = "tls://192.0.2.1", ca_file = "ca.pem" }]\n'
    with pytest.raises(SettingsError, match="holds no certificate"):
        load(text, str(tmp_path / "a.toml"))


def test_paths_begin_at_the_directory_of_the_file() -> None:
    settings = load(
        MINIMAL.replace("[upstreams", 'control = "run/c.sock"\n[upstreams') + '[service]\nstate = "s"\n',
        "/etc/x/a.toml",
    )
    assert (settings.service.control, settings.service.state) == ("/etc/x/run/c.sock", "/etc/x/s")


def test_everybody_may_be_let_in_on_purpose() -> None:
    settings = loaded('[access]\nallow = ["0.0.0.0/0", "::/0"]\neverybody = true\n')
    assert settings.front.allow == ("0.0.0.0/0", "::/0")


def test_the_example_file_is_valid() -> None:
    example = Path(__file__).parents[2] / "deploy/anchorhold.example.toml"
    settings = load(example.read_text(), str(example))
    assert [group.name for group in settings.resolver.upstream_groups] == ["default", "family", "office"]
    assert [one.name for one in settings.resolver.iterations] == ["stub:lab.example.", "iterate"]


def test_what_the_example_file_shows_of_dnssec_is_valid() -> None:
    shown = (Path(__file__).parents[2] / "deploy/anchorhold.example.toml").read_text().partition("# [dnssec]")[2]
    lines = [line.removeprefix("# ").removeprefix("#") for line in shown.partition("\n\n")[0].splitlines()]
    dnssec = loaded("[dnssec]\n" + "\n".join(lines)).resolver.dnssec
    assert ({b"", b"\4corp\7example"}, [b"\7example\3com"]) == (
        {anchor.zone.rstrip(b"\0") for anchor in dnssec.anchors},
        [one.zone.rstrip(b"\0") for one in dnssec.negative],
    )


def test_http3_is_for_the_https_servers_of_its_group() -> None:
    servers = '["https://a.example@192.0.2.1", "tls://b.example@192.0.2.2", "h3://c.example@192.0.2.3", "quic://d.example@192.0.2.4"]'
    text = (
        f'[upstreams.b]\nhttp3 = true\nservers = {servers}\n[upstreams.c]\nservers = ["https://a.example@192.0.2.1"]\n'
    )
    groups = {group.name: group for group in loaded(text).resolver.upstream_groups}
    assert [spec.http3 for spec in groups["b"].servers] == [True, False, False, False]
    assert [spec.http3 for spec in groups["c"].servers] == [False]


def test_the_reference_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run: python -m anchorhold.config.reference"


def test_every_key_of_every_table_is_on_the_reference_page() -> None:
    tables = {table for _, table in TABLES}
    shown = {**vars(schema), **vars(schema_acme), **vars(schema_dhcp), **vars(schema_oblivious), **vars(schema_policy)}
    assert tables == {value for name, value in shown.items() if name.endswith("Table")}
    for table in tables:
        assert set(attribute_texts(table)) == {field.name for field in dataclasses.fields(table)}


def test_no_text_whatever_raises_anything_but_settings_errors() -> None:
    for text in (
        "\0",
        "[[[",
        "a.b.c = 1\na.b = 2",
        "=",
        "[upstreams]\na = 1",
        "upstreams = []",
        "[[listen]]",
        "route = [1]",
    ):
        assert all(re.match(r"a\.toml(:\d+)?: ", line) for line in refused(text))


FRAGMENTS = [
    *("[listen]\n", "[upstreams.default]\n", "[[route]]\n", "[clients.a]\n", "[cache]\n", "[limits]\n", "[access]\n"),
    *('addresses = ["127.0.0.1"]\n', 'servers = ["tls://a@1.2.3.4", {url = "x"}]\n', 'networks = ["::1", 5]\n'),
    *('upstreams = "default"\n', 'domains = [".", "a.b"]\n', 'clients = "a"\n', 'memory = "1 GiB"\n', "rate = -1\n"),
    *(
        "allow = []\n",
        "stale = 0\n",
        "x.y = {}\n",
        "# comment\n",
        "rate = 1979-05-27\n",
        '"" = 1\n',
        "servers = [[]]\n",
    ),
]


def problems_of(text: str) -> list[str]:
    try:
        load(text, "a.toml")
    except SettingsError as error:
        return [problem.text("a.toml") for problem in error.problems]
    return []


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join) | st.text(max_size=40))
def test_any_text_is_settings_or_a_list_of_problems(text: str) -> None:
    assert all("; " in problem for problem in problems_of(text))


@given(st.text(max_size=30) | st.from_regex(r"(tls|udp|https)://[a.@0-9:\[\],/-]{0,20}", fullmatch=True))
def test_any_server_is_read_or_wrong(text: str) -> None:
    try:
        spec = read_server(text)
    except Wrong:
        return
    assert (spec.scheme in ("tls", "udp", "tcp", "https"), 0 < spec.port < 65_536, bool(spec.operator)) == (True,) * 3
