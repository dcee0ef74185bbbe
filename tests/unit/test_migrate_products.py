"""Pi-hole, AdGuard Home, unbound and files of hosts: every line is accounted for, our loader takes the rest."""

import io
import shutil
import tarfile
import tomllib
import zipfile
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from kit.moved import build_gravity

from anchorhold.config.load import load
from anchorhold.leases import adguardhome as leases
from anchorhold.migrate import Migration, migrator
from anchorhold.migrate.adguardhome_rules import Unfit, read_rule
from anchorhold.migrate.archive import members
from anchorhold.migrate.document import toml_document, yaml_document
from anchorhold.migrate.reading import Reader, Unreadable
from anchorhold.migrate.report import Report, Verdict
from anchorhold.migrate.settle import settled
from anchorhold.migrate.unbound_keywords import KEYWORDS

CORPUS = Path(__file__).parent.parent / "corpus"
CASES = [
    *(("pihole", path) for path in sorted((CORPUS / "pihole").iterdir())),
    *(("adguardhome", path) for path in sorted((CORPUS / "adguardhome").glob("*.yaml"))),
    *(("unbound", path) for path in sorted((CORPUS / "unbound").glob("*.conf"))),
    *(("hosts", path) for path in sorted((CORPUS / "hosts").iterdir())),
]
SECRETS = ("NOTAREALSECRET", "notARealOne", "secretword", "thisHashIs", "0123456789abcdef0123", "000102030405060708")


def with_database(path: Path, folder: Path) -> Path:
    """A copy of the folder in which gravity.sql has become gravity.db."""
    if not (path / "gravity.sql").exists():
        return path
    copy = folder / path.name
    shutil.copytree(path, copy)
    build_gravity(copy / "gravity.sql", copy / "gravity.db")
    return copy


def moved(program: str, path: Path, folder: Path) -> tuple[Migration, str]:
    migration = migrator(program)((path,), Reader())
    text = settled(migration, folder / "anchorhold.toml", "moved")
    return migration, text


@pytest.mark.parametrize(("program", "path"), CASES, ids=lambda one: one.name if isinstance(one, Path) else one)
def test_every_line_has_its_verdict_and_the_rest_is_a_configuration(program: str, path: Path, tmp_path: Path) -> None:
    migration, text = moved(program, with_database(path, tmp_path), tmp_path)
    assert [] == [migration.report.lines[place] for place in migration.report.unsaid()]
    assert not any(line.reason.startswith("what was made") for line in migration.report.lines)
    load(text, str(tmp_path / "anchorhold.toml"))


@pytest.mark.parametrize(("program", "path"), CASES, ids=lambda one: one.name if isinstance(one, Path) else one)
def test_every_line_of_a_file_is_in_the_report(program: str, path: Path, tmp_path: Path) -> None:
    migration, _ = moved(program, with_database(path, tmp_path), tmp_path)
    for file in migration.report.files:
        if file.endswith((".conf", ".list", ".leases")) or program == "hosts":
            wanted = {
                number
                for number, line in enumerate(Path(file).read_text().splitlines(), 1)
                if line.strip() and not line.strip().startswith("#")
            }
            told = {line.number for line in migration.report.lines if line.file == file}
            # A value may stand on a line of its own below its keyword.
            assert {number for number in wanted - told if number - 1 not in told} == set(), file


@pytest.mark.parametrize(("program", "path"), CASES, ids=lambda one: one.name if isinstance(one, Path) else one)
def test_no_secret_is_repeated(program: str, path: Path, tmp_path: Path) -> None:
    migration, text = moved(program, with_database(path, tmp_path), tmp_path)
    said = text + migration.report.text() + str(migration.report.data())
    assert [] == [secret for secret in SECRETS if secret in said]


def test_a_backup_of_pi_hole_is_read_in_memory(tmp_path: Path) -> None:
    family = with_database(CORPUS / "pihole" / "family6", tmp_path)
    backup = tmp_path / "pi-hole_teleporter.zip"
    with zipfile.ZipFile(backup, "w") as archive:
        for name in ("pihole.toml", "gravity.db", "dhcp.leases"):
            archive.write(family / name, f"etc/pihole/{name}")
        archive.writestr("../../etc/passwd", "not wanted")
    migration, text = moved("pihole", backup, tmp_path)
    assert "lists-example-org-hosts" in text
    assert [f"{backup}/pihole.toml", f"{backup}/gravity.db", f"{backup}/dhcp.leases"] == migration.report.files


def test_a_backup_of_version_5_is_read_as_well(tmp_path: Path) -> None:
    backup = tmp_path / "backup.tar.gz"
    with tarfile.open(backup, "w:gz") as archive:
        for path in (CORPUS / "pihole" / "backup5").iterdir():
            archive.add(path, path.name)
    _, text = moved("pihole", backup, tmp_path)
    assert '"^stat[0-9]+[.]"' in text


def test_a_list_of_pi_holes_gives_nothing_out_wherever_it_lies(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("192.0.2.1 away.example\n")
    (tmp_path / "gravity.sql").write_text(
        (CORPUS / "pihole" / "family6" / "gravity.sql").read_text().replace("file:///srv/lists", f"file://{tmp_path}")
        + "INSERT INTO adlist_by_group VALUES (7, 0), (7, 1);"
    )
    build_gravity(tmp_path / "gravity.sql", tmp_path / "gravity.db")
    (tmp_path / "adlists.list").write_text(f"file://{tmp_path}/own.txt\nhttps://lists.example.org/own.txt\n")
    for file in ("gravity.db", "adlists.list"):
        _, text = moved("pihole", tmp_path / file, tmp_path)
        lists = tomllib.loads(text)["lists"].values()
        assert [False] == [one["redirect"] for one in lists if "file" in one], file
        uses = load(text, str(tmp_path / "anchorhold.toml")).resolver.policy.lists
        assert not any(use.redirect for use in uses), file


def test_a_list_of_adguard_homes_in_a_file_gives_out_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("192.0.2.1 away.example\n")
    file = tmp_path / "AdGuardHome.yaml"
    file.write_text(
        f"dns: {{upstream_dns: [tls://192.0.2.1]}}\nfilters:\n- {{url: {tmp_path}/own.txt, enabled: true, name: own}}\n"
    )
    _, text = moved("adguardhome", file, tmp_path)
    assert [True] == [use.redirect for use in load(text, str(tmp_path / "anchorhold.toml")).resolver.policy.lists]


def test_what_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    backup = tmp_path / "bomb.zip"
    with zipfile.ZipFile(backup, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("pihole.toml", b" " * (65 * 1024**2))
    with pytest.raises(Unreadable, match="too large"):
        migrator("pihole")((backup,), Reader())


def test_a_view_in_the_place_of_a_table_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "gravity.sql").write_text(
        "CREATE VIEW adlist AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id FROM n;"
    )
    build_gravity(tmp_path / "gravity.sql", tmp_path / "gravity.db")
    migration = migrator("pihole")((tmp_path / "gravity.db",), Reader())
    assert [] == migration.report.lines


def test_yaml_with_an_alias_is_refused() -> None:
    with pytest.raises(Unreadable, match="anchor"):
        yaml_document("a: &x [1, 2]\nb: [*x, *x]\n", "AdGuardHome.yaml", Report())


def test_the_keywords_are_those_of_unbound() -> None:
    """As many as util/configlexer.lex of its 1.26.1 has."""
    assert len(KEYWORDS) == 387


def test_unbound_reads_several_statements_on_a_line(tmp_path: Path) -> None:
    migration, text = moved("unbound", CORPUS / "unbound" / "odd.conf", tmp_path)
    assert '"127.0.0.2:5353"' in text
    assert ["kept", "changed", "kept", "dropped", "kept", "kept"] == [
        line.verdict.value for line in migration.report.lines if line.verdict
    ]


def test_what_a_clause_says_that_a_route_or_list_does_not_is_told(tmp_path: Path) -> None:
    (tmp_path / "u.conf").write_text(
        "stub-zone:\n name: a.example\n stub-addr: 192.0.2.1\n stub-tcp-upstream: yes\n stub-no-cache: no\n"
        "rpz:\n name: b.example\n url: https://lists.example/b.rpz\n rpz-cname-override: c.example\n"
    )
    told = {
        line.text.partition(":")[0]: line for line in migrator("unbound")((tmp_path / "u.conf",), Reader()).report.lines
    }
    assert ("changed", "kept", "dropped") == tuple(
        line.verdict.value
        for keyword in ("stub-tcp-upstream", "stub-no-cache", "rpz-cname-override")
        if (line := told[keyword]).verdict
    )


def test_local_data_of_a_zone_from_elsewhere_is_said_to_block(tmp_path: Path) -> None:
    file = tmp_path / "unbound.conf"
    file.write_text('rpz:\n  name: a.example\n  url: "https://lists.example/a.rpz"\n')
    (line,) = [line for line in migrator("unbound")((file,), Reader()).report.lines if "url:" in line.text]
    assert "redirect = true" in line.shown()


@pytest.mark.parametrize("text", ["[dns]\n" + ".".join("a" * 100_000) + " = 1\n", "x = {" + ' . "b"' * 900 + "=1}"])
def test_a_key_of_very_many_parts_is_refused_at_once(text: str) -> None:
    """The library's reader would need minutes."""
    with pytest.raises(Unreadable, match="has a key of more than 200 parts"):
        toml_document(text, "pihole.toml", Report())


def test_dots_in_values_are_no_parts_of_keys() -> None:
    addresses = ", ".join(f'"10.0.{n}.1"' for n in range(250))
    text = f'# {"." * 900}\na.b = [{addresses}]\nc = "{"1." * 34}ip6.arpa"\n'
    assert len(toml_document(text, "pihole.toml", Report()).each("a", "b")) == 250


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("10.0.0.0/8", "kept"),
        ("100.64.0.0/10", "kept"),
        ("fe80::/10", "kept"),
        ("fd00::/8", "kept"),
        ("::ffff:0:0/96", "kept"),
        ("203.0.113.0/24", "dropped"),
        ("2001:db8::/32", "dropped"),
        ("0.0.0.0/1", "dropped"),
        ("0.0.0.0/0", "dropped"),
    ],
)
def test_a_private_address_is_kept_if_our_own_protection_takes_it_out(text: str, verdict: str, tmp_path: Path) -> None:
    (tmp_path / "u.conf").write_text(f"server:\n  private-address: {text}\n")
    (line,) = migrator("unbound")((tmp_path / "u.conf",), Reader()).report.lines[1:]
    assert verdict == (line.verdict and line.verdict.value)


def test_an_include_that_includes_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "u.conf").write_text(f"server:\n  port: 53\n  include: {tmp_path}/u.conf\n")
    migration, _ = moved("unbound", tmp_path / "u.conf", tmp_path)
    assert "includes itself" in migration.report.text()


def test_backups_carry_only_named_members() -> None:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as archive:
        link = tarfile.TarInfo("custom.list")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert {} == members(held.getvalue(), "x", ("custom.list",))


def test_old_settings_of_adguard_home_are_found_in_their_old_places(tmp_path: Path) -> None:
    _, text = moved("adguardhome", CORPUS / "adguardhome" / "old.yaml", tmp_path)
    config = tomllib.loads(text)
    assert [["192.168.1.20"]] == [group["networks"] for group in config["clients"].values()]
    assert {"to": ["192.168.1.9"], "action": "rewrite", "domains": ["=old.example"]} in config["rule"]


def test_an_old_place_beside_the_new_one_is_told(tmp_path: Path) -> None:
    file = tmp_path / "AdGuardHome.yaml"
    file.write_text("dns:\n  bind_host: 192.0.2.1\n  bind_hosts: [192.0.2.2]\n  upstream_dns: [tls://192.0.2.3]\n")
    migration, text = moved("adguardhome", file, tmp_path)
    assert ["192.0.2.2:53"] == tomllib.loads(text)["listen"]["addresses"]
    assert [] == migration.report.unsaid()
    assert "it is there in its new place as well" in migration.report.text()


def test_a_schedule_of_pauses_is_turned_round(tmp_path: Path) -> None:
    file = tmp_path / "AdGuardHome.yaml"
    file.write_text(
        "dns: {upstream_dns: [tls://192.0.2.1]}\nfiltering: {blocked_services: {ids: [youtube], schedule:"
        " {time_zone: Europe/Berlin, mon: {start: 8h, end: 16h30m}, tue: {start: 0s, end: 24h}}}}\n"
    )
    _, text = moved("adguardhome", file, tmp_path)
    assert ["mon 00:00-08:00", "mon 16:30-00:00", "wed 00:00-00:00"] == tomllib.loads(text)["schedules"]["services"][
        "windows"
    ][:3]


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("||ads.example^", ("block", "domains", ("ads.example",))),
        ("@@||ads.example^|", ("allow", "domains", ("ads.example",))),
        ("ads.example", ("block", "domains", ("=ads.example",))),
        ("||*.ads.example^", ("block", "domains", ("*.ads.example",))),
        ("0.0.0.0 a.example b.example # c", ("block", "domains", ("=a.example", "=b.example"))),
        ("192.0.2.1 a.example", ("rewrite", "domains", ("=a.example",))),
        ("/^ads[0-9]$/", ("block", "patterns", ("^ads[0-9]$",))),
        ("||a.example^$dnsrewrite=192.0.2.1", ("rewrite", "domains", ("a.example",))),
        ("||a.example^$dnsrewrite=REFUSED", ("block", "domains", ("a.example",))),
    ],
)
def test_a_user_rule(line: str, meant: tuple[str, str, tuple[str, ...]]) -> None:
    read = read_rule(line, "null", (), {})
    assert read is not None
    assert meant == (read.wish.action, read.key, read.values)


@pytest.mark.parametrize(
    "line", ["||a.example^$ctag=x", "||a.example/path", "/(/", "/a", "@@||a^$dnsrewrite=1.2.3.4", "||^", "$", "|"]
)
def test_a_user_rule_that_is_none_here(line: str) -> None:
    with pytest.raises(Unfit):
        read_rule(line, "null", (), {})


def test_leases_of_adguard_home_are_told_from_its_static_ones() -> None:
    found = leases.read((CORPUS / "adguardhome" / "data" / "leases.json").read_text(), "leases.json")
    assert [("10.44.1.12", "02005e440012", "phone")] == [(one.address, one.hardware, one.name) for one in found.leases]
    assert ["10.44.0.50"] == [one.address for one in found.fixed]
    assert ["leases.json:3: it does not say when it ends"] == found.wrong


def test_whoever_has_no_settings_of_his_own_gets_no_group(tmp_path: Path) -> None:
    _, text = moved("adguardhome", CORPUS / "adguardhome" / "home.yaml", tmp_path)
    assert {"kids-tablet", "workshop"} == set(tomllib.loads(text)["clients"])


def test_devices_and_addresses_of_adguard_home_come_along(tmp_path: Path) -> None:
    _, text = moved("adguardhome", CORPUS / "adguardhome" / "dhcp.yaml", tmp_path)
    dhcp = tomllib.loads(text)["dhcp"]
    four, six = dhcp["subnet"]
    assert ("10.44.0.0/16", "eth1", ["10.44.1.10-10.44.1.99"], ["10.44.0.1"]) == (
        four["prefix"],
        four["interface"],
        four["pools"],
        four["routers"],
    )
    assert ("fd44::/64", ["fd44::1000-fd44::10ff"]) == (six["prefix"], six["pools"])
    assert [{"name": "press", "hardware": ["02:00:5e:44:00:50"], "addresses": ["10.44.0.50"]}] == dhcp["host"]
    _, text = moved("adguardhome", CORPUS / "adguardhome" / "home.yaml", tmp_path)
    clients = tomllib.loads(text)["clients"]
    assert {"kids-tablet": ["192.168.50.70"], "workshop": ["192.168.50.80/28"]} == {
        name: group["networks"] for name, group in clients.items()
    }


def test_who_may_ask_unbound_and_whom_it_asks_come_along(tmp_path: Path) -> None:
    _, text = moved("unbound", CORPUS / "unbound" / "home.conf", tmp_path)
    home = tomllib.loads(text)
    allowed = [ip_network(network) for network in home["access"]["allow"]]
    assert [False, True, False] == [
        any(ip_address(address) in network for network in allowed)
        for address in ("192.168.60.200", "192.168.60.201", "192.168.61.1")
    ]
    assert ["upstairs.example"] == [one["zone"] for one in home["dnssec"]["negative"]]
    migration, text = moved("unbound", CORPUS / "unbound" / "office.conf", tmp_path)
    office = tomllib.loads(text)
    assert [
        (["branch.example"], "branch-example", None),
        (["lab.example"], None, ["10.8.0.4"]),
        (["8.10.in-addr.arpa"], None, ["10.8.0.4@5353"]),
    ] == [(route["domains"], route.get("upstreams"), route.get("authorities")) for route in office["route"]]
    assert ["udp://10.8.0.2", "udp://10.8.0.3:5353"] == office["upstreams"]["branch-example"]["servers"]
    assert {"office.conf", "10-more.conf"} <= {Path(name).name for name in migration.report.files}


def test_addresses_and_leases_of_pi_hole_come_along(tmp_path: Path) -> None:
    migration, text = moved("pihole", with_database(CORPUS / "pihole" / "family6", tmp_path), tmp_path)
    dhcp = tomllib.loads(text)["dhcp"]
    (subnet,) = dhcp["subnet"]
    assert ("10.20.0.0/16", ["10.20.1.10-10.20.1.250"]) == (subnet["prefix"], subnet["pools"])
    assert [["10.20.0.11"], ["10.20.0.12"], ["10.20.0.13"], None] == [host.get("addresses") for host in dhcp["host"]]
    leases_told = [line for line in migration.report.lines if line.file.endswith("dhcp.leases")]
    assert [(1, "kept"), (2, "kept"), (3, "dropped"), (4, "dropped")] == [
        (line.number, line.verdict and line.verdict.value) for line in leases_told
    ]


def test_every_line_of_a_copied_zone_of_unbound_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "zone").write_text("@ 60 IN SOA ns.corp.example. h.corp.example. 1 2 3 4 5\nwww 60 IN A 192.0.2.1\n")
    (tmp_path / "unbound.conf").write_text(
        f"""auth-zone:
    name: corp.example
    zonefile: {tmp_path}/zone
    fallback-enabled: yes
    for-downstream: no
    for-upstream: yes
    allow-notify: 192.0.2.9
"""
    )
    report = migrator("unbound")((tmp_path / "unbound.conf",), Reader()).report
    told = {line.text.partition(":")[0]: line.verdict for line in report.lines}
    assert told["fallback-enabled"] is Verdict.DROPPED
    assert told["for-downstream"] is Verdict.CHANGED
    assert told["for-upstream"] is Verdict.KEPT
    assert told["allow-notify"] is Verdict.DROPPED
