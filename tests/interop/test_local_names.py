"""Local names and protection against rebinding in the real service, beside unbound with the same data."""

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rdatatype
import pytest
from kit.datagrams import answering
from kit.inside import NORMAL, Attack, addresses_in, attacks, reply_to
from kit.peers import PATIENCE, House, free_ports, house, open_folder, peer, program

RECORDS = """\
@ 300 SOA ns hostmaster 7 3600 600 86400 60
@ 300 NS ns
ns 300 A 192.168.7.1
@ 300 MX 10 mail
@ 300 TXT "v=spf1 -all" "second"
mail 300 A 192.168.7.2
mail 300 A 192.168.7.3
mail 300 AAAA fd00::7
_imap._tcp 300 SRV 0 1 143 mail
web 300 HTTPS 1 . alpn=h2 ipv4hint=192.168.7.2
deep.er.still 300 TXT "below empty names"
loc 300 LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m
caa 300 CAA 0 issue "ca.example.net"
sshfp 300 SSHFP 4 2 123456789abcdef67890123456789abcdef67890123456789abcdef123456789
any 300 TYPE65280 \\# 3 010203
"""
"""Of every kind that both take as plain data."""

WILD = """\
*.apps 300 A 192.168.7.9
*.apps 300 TXT "wild"
fixed.apps 300 TXT "not wild"
x.y.apps 300 A 192.168.7.10
*.text 300 MX 5 mail
sub.*.text 300 TXT "below a star"
www 300 CNAME mail
w2 300 CNAME www
*.alias 300 CNAME mail
tree 300 DNAME still
"""

# Not among them: what depends on empty names, of which unbound takes no notice. It answers q.y.apps by *.apps, though y.apps is
# the closest encloser, and denies a name beside an empty star (RFC 4592 §3.3.1); tests/unit/test_policy_local_data.py has that
# from the RFC. Nor is the alias to a name that is not there: the code is that name's (RFC 6604 §3), and unbound says NOERROR.

TYPES = ("A", "AAAA", "MX", "TXT", "SRV", "HTTPS", "SOA", "NS")
PLAIN_NAMES = (
    "",
    "ns",
    "mail",
    "_imap._tcp",
    "_tcp",
    "web",
    "deep.er.still",
    "er.still",
    "still",
    "loc",
    "caa",
    "none",
    "x.mail",
)
WILD_NAMES = (
    *("a.apps", "a.b.apps", "apps", "fixed.apps", "z.fixed.apps", "y.apps", "x.y.apps", "*.apps", "a.text"),
    *(
        "sub.*.text",
        "other.*.text",
        "b.sub.a.text",
        "www",
        "w2",
        "x.alias",
        "lost",
        "a.stars",
        "x.a.stars",
        "ent.b.stars",
    ),
    *("deep.er.tree", "tree"),
)
ZONE = "home.example."


@dataclass
class Outside:
    """The upstream: it says what `says` gives, and remembers what it was asked."""

    says: Callable[[bytes], bytes] | None = None
    heard: list[str] = field(default_factory=list)

    def answer(self, query: bytes) -> bytes:
        self.heard.append(dns.message.from_wire(query).question[0].to_text())
        return self.says(query) if self.says is not None else reply_to(query, Attack("", "", ()))


@dataclass
class Scene:
    house: House
    outside: Outside
    folder: Path

    def ask(self, name: str, rrtype: str = "A", port: int = 0, **more: bool) -> dns.message.Message:
        query = dns.message.make_query(name, rrtype, use_edns=0, payload=4096, **more)  # type: ignore[arg-type]
        return dns.query.udp(query, "127.0.0.1", PATIENCE, port or self.house.port)


CONFIG = """\
[limits]
rate = 0
[upstreams.default]
servers = ["udp://127.0.0.1:{port}"]
profile = "opportunistic"
[[local]]
zone = "home.example"
file = "zone"
[hosts]
files = ["hosts"]
domain = "lan"
[rebinding]
allow = ["allowed.example"]
"""


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    outside = Outside()
    with open_folder() as folder, answering(outside.answer) as port:
        (folder / "zone").write_text(RECORDS + WILD)
        (folder / "hosts").write_text("127.0.0.1 localhost\n192.168.7.20 nas\n")
        for file in folder.iterdir():
            file.chmod(0o644)
        with house(folder, CONFIG.format(port=port)) as running:
            yield Scene(running, outside, folder)


def essence(message: dns.message.Message) -> tuple[str, set[tuple[str, str, str]], set[str]]:
    answer = {
        (str(rrset.name).lower(), dns.rdatatype.to_text(rrset.rdtype), rdata.to_text().lower())
        for rrset in message.answer
        for rdata in rrset
    }
    denied = {str(rrset.name).lower() for rrset in message.authority if rrset.rdtype == dns.rdatatype.SOA}
    return dns.rcode.to_text(message.rcode()), answer, denied if not answer else set()


@pytest.fixture(scope="module")
def unbound(scene: Scene) -> Iterator[tuple[int, int]]:
    """Two of them: one has the plain records as `local-data`, the other all as a zone that it serves."""
    with open_folder() as folder:
        data_port, zone_port = free_ports(2, beside=True)
        (folder / "zone").write_text(RECORDS + WILD)
        (folder / "zone").chmod(0o644)
        lines = []
        for line in RECORDS.splitlines():
            owner, ttl, rest = line.split(" ", 2)
            lines.append(f"  local-data: '{absolute(owner, ttl, rest)}'")
        data = f'  local-zone: "{ZONE}" static\n' + "\n".join(lines)
        zone = f'auth-zone:\n  name: "{ZONE}"\n  zonefile: "{folder}/zone"\n  for-downstream: yes\n  for-upstream: no\n'
        commands = []
        for port, inner, outer in ((data_port, data, ""), (zone_port, "", zone)):
            path = folder / f"{port}.conf"
            path.write_text(f"""server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  do-ip6: no
  num-threads: 1
  module-config: "iterator"
  interface: 127.0.0.1@{port}
{inner}
{outer}remote-control:
  control-enable: no
""")
            commands.append([peer("unbound"), "-c", str(path)])
        with (
            program(commands[0], folder / "data.log", data_port),
            program(commands[1], folder / "zone.log", zone_port),
        ):
            yield data_port, zone_port


def absolute(owner: str, ttl: str, rest: str) -> str:
    """A record with whole names, as `local-data` wants them."""
    origin = dns.name.from_text(ZONE)
    kind, data = rest.split(" ", 1)
    rdata = dns.rdata.from_text("IN", kind, data, origin, relativize=False)
    return f"{dns.name.from_text(owner, origin) if owner != '@' else origin} {ttl} IN {kind} {rdata.to_text()}"


def test_plain_data_is_answered_as_by_unbounds_local_data(scene: Scene, unbound: tuple[int, int]) -> None:
    asked = 0
    for name in PLAIN_NAMES:
        for rrtype in TYPES:
            whole = f"{name}.{ZONE}" if name else ZONE
            ours, theirs = (essence(scene.ask(whole, rrtype, port)) for port in (0, unbound[0]))
            assert theirs[:2] == ours[:2], (whole, rrtype)
            asked += 1
    assert asked >= 100
    assert [] == [text for text in scene.outside.heard if "home.example" in text]


def test_wildcards_aliases_and_denials_are_those_of_unbounds_own_zone(scene: Scene, unbound: tuple[int, int]) -> None:
    asked = 0
    for name in (*PLAIN_NAMES, *WILD_NAMES):
        for rrtype in TYPES:
            whole = f"{name}.{ZONE}" if name else ZONE
            ours, theirs = (essence(scene.ask(whole, rrtype, port)) for port in (0, unbound[1]))
            assert theirs == ours, (whole, rrtype)
            asked += 1
    assert asked >= 250


def test_a_sample_of_the_encodings_does_not_get_through_the_cells(scene: Scene) -> None:
    sample = list(attacks())[::23]
    known = {(attack.name, attack.rrtype): attack for attack in sample}

    def says(query: bytes) -> bytes:
        question = dns.message.from_wire(query).question[0]
        key = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
        return reply_to(query, known.get(key, Attack("", "", ())))

    scene.outside.says = says
    for attack in sample:
        for _ in range(2):
            message = scene.ask(attack.name, attack.rrtype, want_dnssec=True)
            assert dns.rcode.NOERROR == message.rcode()
            assert not addresses_in(message) & NORMAL, attack
            assert [15] == [option.code for option in message.options if option.otype == 15], attack
    assert len(sample) >= 50
    known["x.allowed.example.", "A"] = Attack("x.allowed.example.", "A", ("x.allowed.example. 60 A 192.168.7.7",))
    assert {"192.168.7.7"} == addresses_in(scene.ask("x.allowed.example."))


def test_hosts_and_their_reverse_names_and_what_is_special_need_nobody(scene: Scene) -> None:
    scene.outside.heard.clear()
    for name in ("nas.", "nas.lan."):
        assert {"192.168.7.20"} == addresses_in(scene.ask(name))
    answer = scene.ask("20.7.168.192.in-addr.arpa.", "PTR").answer[0]
    assert ["nas.lan."] == [rdata.to_text() for rdata in answer]
    for name in ("21.7.168.192.in-addr.arpa.", "x.home.arpa.", "tv.local.", "x.onion.", "localhost.", "a.test."):
        for rrtype in ("A", "PTR", "SVCB"):
            scene.ask(name, rrtype)
    assert [] == scene.outside.heard


def test_a_reload_swaps_local_names_and_hosts_together(scene: Scene) -> None:
    (scene.folder / "hosts").write_text("192.168.7.30 nas\n")
    (scene.folder / "zone").write_text(RECORDS + "new 300 A 192.168.7.31\n")
    scene.house.running.signal(signal.SIGHUP)
    scene.house.running.wait_for("configuration 2 is in force")
    found = [addresses_in(scene.ask(name)) for name in ("nas.lan.", "new.home.example.", "a.apps.home.example.")]
    assert [{"192.168.7.30"}, {"192.168.7.31"}, set()] == found
    # A mistake keeps what is in force.
    (scene.folder / "hosts").write_text("nonsense\n")
    scene.house.running.signal(signal.SIGHUP)
    scene.house.running.wait_for("hosts line 1")
    assert {"192.168.7.30"} == addresses_in(scene.ask("nas.lan."))
