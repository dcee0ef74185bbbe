"""`[[local]]`, `[hosts]` and `[rebinding]` as settings, and what is wrong with them, with its file and line."""

from pathlib import Path

import dns.rdata
import pytest
from kit.configured import MINIMAL

from anchorhold.config.errors import SettingsError, Wrong
from anchorhold.config.hosts_files import MAX_COMPLAINTS, Host, read_hosts
from anchorhold.config.lease_names import lease_names
from anchorhold.config.load import load
from anchorhold.config.master import read_master, read_record
from dhcp.settings import DhcpSettings, Subnet
from resolver.local import LocalNames
from resolver.policy_settings import LocalRecord, LocalZone, Policy, Rebinding
from resolver.settings import CacheSettings, ClientGroup, FrontSettings
from wire.dns.codes import RecordType
from wire.dns.names import read_name, show_name
from wire.units import Instant

KIDS = '[clients.kids]\nnetworks = ["192.168.1.0/28"]\n'
LAN = DhcpSettings(1, subnets=(Subnet("192.168.1.0/24", bytes((192, 168, 1, 0)), 24),))


def policy(extra: str, folder: Path | None = None, **files: str) -> Policy:
    for name, text in files.items():
        assert folder is not None
        (folder / name).write_text(text)
    return load(
        MINIMAL + KIDS + extra, str((folder or Path("/nowhere")) / "a.toml"), host="box.home.arpa"
    ).resolver.policy


def complaints(extra: str, folder: Path | None = None, **files: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        policy(extra, folder, **files)
    return [line.split(": ", 1)[1] for line in str(caught.value).splitlines()]


def show(record: LocalRecord) -> str:
    data = dns.rdata.from_wire("IN", record.rrtype, record.rdata, 0, len(record.rdata))
    return f"{show_name(record.name)} {record.ttl} {RecordType(record.rrtype).name} {data}"


def shown(zone: LocalZone) -> list[str]:
    return [show(record) for record in zone.records]


def test_records_are_relative_to_the_zone_and_have_its_ttl() -> None:
    local, reverse = policy(
        '[[local]]\nzone = "Home.Example"\nttl = 60\nclients = ["kids"]\n'
        'records = ["NAS A 192.168.1.2", "www 300 CNAME www.Example.ORG.", "*.apps IN AAAA fd00::9", "@ MX 10 mail"]\n'
    ).local
    assert (read_name("home.example"), False, (1,)) == (local.apex, local.transparent, local.groups)
    assert [
        "nas.home.example. 60 A 192.168.1.2",
        "www.home.example. 300 CNAME www.example.org.",
        "*.apps.home.example. 60 AAAA fd00::9",
        "home.example. 60 MX 10 mail.home.example.",
    ] == shown(local)
    assert (["2.1.168.192.in-addr.arpa. 60 PTR nas.home.example."], True, (1,)) == (
        shown(reverse),
        reverse.transparent,
        reverse.groups,
    )


def test_a_master_file_may_have_origins_and_generate_names(tmp_path: Path) -> None:
    text = "$TTL 1h\n@ SOA ns me 1 2 3 4 5\n  NS ns\n$ORIGIN sub.home.example.\nx A 192.0.2.1\n$GENERATE 1-2 h$ A 10.0.0.$\n"
    local, _ = policy('[[local]]\nzone = "home.example"\nfile = "zone"\n', tmp_path, zone=text).local
    assert ["x.sub.home.example. 3600 A 192.0.2.1", "h1.sub.home.example. 3600 A 10.0.0.1"] == shown(local)[2:4]


@pytest.mark.parametrize(
    ("record", "what"),
    [
        ("nas A 1.2.3", "is no record here"),
        ("nas", "is no record here"),
        ("", "is no record"),
        ("nas A 1.2.3.4\\nb A 1.2.3.4", "is more than one record"),
        ("nas.other.example. A 1.2.3.4", "nas.other.example. is not in home.example."),
        ("$INCLUDE other", "'$INCLUDE' is not allowed"),
        ("nas AXFR \\\\# 0", "for questions only"),
        ("nas NSEC a. A", "without signatures"),
        ("nas CH A 1.2.3.4", "class"),
        ("x" * 64 + " A 1.2.3.4", "is no record here"),
    ],
)
def test_a_wrong_record_is_named_with_its_line(record: str, what: str) -> None:
    (line,) = complaints(f'[[local]]\nzone = "home.example"\nrecords = [\n"nas A 192.0.2.1",\n"{record}"]\n')
    assert line.startswith("local[0].records[1]: ")
    assert what in line


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a A 192.0.2.1\n\nb A 192.0.2.\n", "zone line 3: "),
        ("a A 192.0.2.1\n$INCLUDE /etc/passwd\n", "zone line 2: zone file directive '$INCLUDE' is not allowed"),
        ("@ SOA ns me (\n1 2 3 4 5 )\nother. A 1.2.3.4\n", "zone line 3: other. is not in home.example."),
        (
            "a CNAME b\n\n; more\na A 192.0.2.1\n",
            "zone line 4: a.home.example. is an alias, so it has no other records",
        ),
        ("a A 192.0.2.1\na CNAME b\n", "zone line 2: a.home.example. has other records, so it can be no alias"),
        ("a CNAME b\na CNAME c\n", "zone line 2: a.home.example. is an alias already"),
        ("$GENERATE 1-2000000 h$ A 10.0.0.1\n", "zone line 1: too many records"),
        ('a TXT "open\n', "zone line 1: "),
        (
            "a RRSIG A 13 3 60 20300101000000 20200101000000 1 home.example. AAAA\n",
            "zone line 1: zones are answered without",
        ),
    ],
)
def test_what_is_wrong_in_a_master_file_has_its_line(text: str, what: str, tmp_path: Path) -> None:
    (line,) = complaints('[[local]]\nzone = "home.example"\nfile = "zone"\n', tmp_path, zone=text)
    assert what in line, line


def test_files_that_are_not_there_or_no_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"a TXT \xe9\n")
    found = complaints(
        '[[local]]\nzone = "a.example"\nfile = "no"\n[[local]]\nzone = "b.example"\nfile = "latin"\n', tmp_path
    )
    assert ["no cannot be read" in found[0], "latin is not UTF-8" in found[1]] == [True, True]


@pytest.mark.parametrize("zone", ["localhost", "x.onion", "invalid", "resolver.arpa", "use-application-dns.net"])
def test_what_means_the_same_everywhere_is_no_zone_of_anybodys(zone: str) -> None:
    (line,) = complaints(f'[[local]]\nzone = "{zone}"\n')
    assert "means the same everywhere" in line


def test_a_route_of_the_same_name_would_never_be_taken() -> None:
    route = '[[route]]\ndomains = ["corp.example"]\nupstreams = "default"\n'
    (line,) = complaints(route + '[[local]]\nzone = "corp.example"\n')
    assert "transparent = true" in line
    assert 1 == len(policy(route + '[[local]]\nzone = "corp.example"\ntransparent = true\n').local)
    assert 1 == len(policy(route + '[[local]]\nzone = "lab.corp.example"\n').local)


def test_a_reverse_name_is_made_once_and_not_where_another_table_has_it() -> None:
    text = (
        '[[local]]\nzone = "home.example"\nrecords = ["nas A 192.168.1.2", "box A 192.168.1.2", "lo A 127.0.0.1", '
        '"no A 0.0.0.0", "*.w A 192.168.1.5", "tv A 192.168.1.3", "ll AAAA fe80::1"]\n'
        '[[local]]\nzone = "quiet.example"\nptr = false\n'
        'records = ["x A 192.168.1.9"]\n[[local]]\nzone = "1.168.192.in-addr.arpa"\ntransparent = true\n'
        'records = ["3 PTR tv.lan."]\n'
    )
    *_, reverse = policy(text).local
    assert ["2.1.168.192.in-addr.arpa. 300 PTR nas.home.example."] == shown(reverse)


# Files of hosts


HOSTS = """\
127.0.0.1\tlocalhost localhost.localdomain
127.0.1.1 box.home.arpa box   # what Debian writes
::1 ip6-localhost ip6-loopback
ff02::1 ip6-allnodes
255.255.255.255 broadcasthost
192.168.1.2 nas.home.example nas Files # comment

192.168.1.2 backup
fd00::2 nas
0.0.0.0 ads.example
"""


def test_a_file_of_hosts_is_read_as_other_systems_do_but_for_what_means_each_machine_itself(tmp_path: Path) -> None:
    hosts, reverse = policy('[hosts]\nfiles = ["hosts"]\ndomain = "lan"\nttl = 5\n', tmp_path, hosts=HOSTS).local
    assert (b"\0", True) == (hosts.apex, hosts.transparent)
    assert [
        "nas.home.example. 5 A 192.168.1.2",
        "nas.lan. 5 A 192.168.1.2",
        "nas. 5 A 192.168.1.2",
        "files.lan. 5 A 192.168.1.2",
        "files. 5 A 192.168.1.2",
        "backup.lan. 5 A 192.168.1.2",
        "backup. 5 A 192.168.1.2",
        "nas.lan. 5 AAAA fd00::2",
        "nas. 5 AAAA fd00::2",
        "ads.example. 5 A 0.0.0.0",
    ] == shown(hosts)
    pointers = ["2.1.168.192.in-addr.arpa. 5 PTR nas.home.example.", "2." + "0." * 29 + "d.f.ip6.arpa. 5 PTR nas.lan."]
    assert pointers == shown(reverse)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("fe80::1%eth0 router", "line 2: fe80::1%eth0 has a scope"),
        ("nas 192.168.1.2", "line 2: 'nas' is no address"),
        ("192.168.1.2", "line 2: 192.168.1.2 has no name"),
        ("192.168.1.2 # nas", "line 2: 192.168.1.2 has no name"),
        ("192.168.1.2 x.onion", "line 2: x.onion means the same everywhere"),
        ("192.168.1.2 localhost", "line 2: localhost means the same everywhere"),
        ("192.168.1.2 a..b", "line 2: 'a..b' is no domain name"),
    ],
)
def test_a_wrong_line_of_hosts_is_named(line: str, what: str, tmp_path: Path) -> None:
    (found,) = complaints('[hosts]\nfiles = ["hosts"]\n', tmp_path, hosts=f"# mine\n{line}\n10.0.0.1 fine\n")
    assert found.startswith("hosts.files[0]: ")
    assert what in found


def test_a_wrong_file_is_not_complained_about_line_by_line() -> None:
    found = list(read_hosts(b"x y\n" * 1000, b"", ""))
    assert MAX_COMPLAINTS == len(found)


def test_names_beyond_ascii_and_long_ones() -> None:
    (host,) = read_hosts("192.0.2.1 Bücher.example\n".encode(), b"", "")
    assert isinstance(host, Host)
    assert (read_name("xn--bcher-kva.example"),) == host.names
    label = "x" * 63
    (found,) = read_hosts(f"192.0.2.1 {label}\n".encode(), read_name(f"{label}.{label}.{label}"), "")
    assert not isinstance(found, Host)
    (found,) = read_hosts(b"\xef\xbb\xbf192.0.2.1 \xff\n", b"", "")
    assert not isinstance(found, Host)


# Rebinding


def test_rebinding_is_guarded_against_if_nothing_is_said() -> None:
    assert Rebinding(True) == policy("").rebinding
    assert (
        Rebinding(False, (read_name("plex.direct"),))
        == policy('[rebinding]\nprotect = false\nallow = ["Plex.Direct"]\n').rebinding
    )


def test_every_name_is_not_one_that_may_lead_inside() -> None:
    (line,) = complaints('[rebinding]\nallow = ["."]\n')
    assert "protect = false" in line


# Beside names of leases


def names_of(*zones: LocalZone) -> LocalNames:
    made = lease_names(LAN, (), zones)
    return LocalNames(FrontSettings(1, (ClientGroup("default"), ClientGroup("kids")), (), CacheSettings(), leases=made))


def is_ours(names: LocalNames, name: str, rrtype: int = 1, group: int = 0) -> bool:
    """Whether `front` answers of leases, and the resolver is not asked."""
    return names.answer(read_name(name) + rrtype.to_bytes(2, "big") + b"\0\1", 0, group, Instant(0.0)) is not None


def written(apex: str, *records: str, transparent: bool = False, groups: tuple[int, ...] = ()) -> LocalZone:
    return LocalZone(
        read_name(apex), tuple(read_record(text, read_name(apex), 60) for text in records), transparent, groups
    )


def test_a_local_zone_at_or_below_a_lease_domain_has_what_no_lease_has() -> None:
    names = names_of(written("home.arpa", "nas A 192.168.1.2"))
    assert [False, False] == [is_ours(names, name) for name in ("nas.home.arpa", "new.home.arpa")]
    names = names_of(written("lab.home.arpa", "nas A 192.168.1.2"))
    assert [False, True] == [is_ours(names, name) for name in ("x.lab.home.arpa", "new.home.arpa")]


@pytest.mark.parametrize(
    "zone", [written("arpa", "nas.home A 192.168.1.2"), written(".", "nas.home.arpa A 192.168.1.2", transparent=True)]
)
def test_of_zones_above_and_of_files_of_hosts_it_is_the_single_names(zone: LocalZone) -> None:
    names = names_of(zone)
    assert [False, True, True] == [
        is_ours(names, name) for name in ("nas.home.arpa", "new.home.arpa", "x.nas.home.arpa")
    ]


def test_a_wildcard_has_what_is_below_it() -> None:
    names = names_of(written(".", "*.apps.home.arpa A 192.168.1.2", transparent=True))
    assert [False, True] == [is_ours(names, name) for name in ("x.apps.home.arpa", "new.home.arpa")]


def test_the_names_are_those_of_the_groups_that_see_them() -> None:
    names = names_of(written("home.arpa", "nas A 192.168.1.2", transparent=True, groups=(1,)))
    assert [True, False] == [is_ours(names, "nas.home.arpa", group=group) for group in (0, 1)]


def test_a_reverse_name_of_a_subnet_with_leases_is_the_resolvers() -> None:
    names = names_of(written("arpa", "2.1.168.192.in-addr PTR nas.home.arpa.", transparent=True))
    assert [False, True] == [is_ours(names, f"{n}.1.168.192.in-addr.arpa", 12) for n in (2, 3)]


def test_a_text_that_is_no_record_at_all_raises_wrong() -> None:
    with pytest.raises(Wrong):
        read_master("\x00", read_name("home.example"), 1)
