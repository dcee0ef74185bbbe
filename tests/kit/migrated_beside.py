"""dnsmasq by a file, and the service made of the same file, one after the other in the same place with the same upstreams: what
each answers, and what a device is told that joins.
"""

import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_interface
from pathlib import Path
from types import MappingProxyType

from kit.dhcp_clients import Dhclient6, Udhcpc
from kit.lan import Lan, Place, background, lan
from kit.migrated import BRIDGES, CORPUS, KNOWN, exchanges
from kit.peers import open_folder, until
from kit.peers import peer as find
from kit.questions_of import questions
from kit.service import started

from anchorhold.migrate.dnsmasq import migrate
from anchorhold.migrate.draft import Table
from anchorhold.migrate.reading import Reader
from anchorhold.migrate.settle import settled

KIT = Path(__file__).parent
SIGNED = "signed.conf"
"""Where both validate, and nothing of the test's world can be proved."""
OUTSIDE = "outside0"
"""The bridge behind which upstreams live that are not on this machine."""


@dataclass(frozen=True, slots=True)
class Case:
    """A file, and what its place has to have. `servers`: `ADDRESS#PORT` of each upstream and its mark; `resolv`: the one that
    is in /etc/resolv.conf; `joins`: the bridge where a device comes, if any does; `at`, `port`: where it is asked, 0: nowhere."""

    name: str
    text: str
    bridges: Mapping[str, tuple[str, ...]]
    servers: Mapping[str, int] = field(
        default_factory=lambda: MappingProxyType({"127.0.0.1#5399": 0, "127.0.0.1#5398": 0})
    )
    resolv: str = ""
    joins: str = ""
    hardware: str = "02:00:5e:10:ee:01"
    at: str = "127.0.0.1"
    port: int = 53
    own: bool = True

    def asked(self) -> list[tuple[str, str]]:
        """Names and types; none where the file turns DNS off."""
        parts = [self.text, *(path.read_text() for path in self._beside())] if self.own else [self.text]
        return questions("".join(parts)) if self.port else []

    def _beside(self) -> list[Path]:
        stem = Path(self.name).stem
        return [*CORPUS.glob(f"{stem}.d/*.conf"), *CORPUS.glob(f"{stem}.hosts")]


@dataclass(frozen=True, slots=True)
class Both:
    """`NAME TYPE` to the answer, and what the device was told (`6`: over DHCPv6), of each of the two."""

    theirs: dict[str, str]
    ours: dict[str, str]
    told: dict[str, str]
    told_here: dict[str, str]
    told6: dict[str, str]
    told6_here: dict[str, str]


def of_the_corpus(file: str) -> Case:
    """The case of a file of the corpus."""
    text = (CORPUS / file).read_text()
    return Case(
        file,
        text,
        {name: tuple(addresses) for name, addresses in BRIDGES[file].items()},
        joins=exchanges(file),
        hardware=KNOWN.get(file, "02:00:5e:10:ee:01"),
        port=0 if "port=0" in text else 53,
    )


@dataclass
class Household:
    """A place with the bridges of a case, the files it names, and the upstreams."""

    case: Case
    place: Place
    folder: Path
    network: Lan
    device: Place | None

    @property
    def file(self) -> Path:
        """The file as dnsmasq reads it here."""
        return self.folder / "corpus" / "dnsmasq.conf" if not self.case.own else self.folder / "corpus" / self.case.name

    def more(self, hardware: str) -> Place:
        """One more device at the bridge."""
        return self.network.device(self.case.joins, hardware)

    def answers(self) -> dict[str, str]:
        """What the server says that runs now."""
        if not self.case.port:
            return {}
        where = f"{self.case.at}#{self.case.port}"
        command = (sys.executable, str(KIT / "questions_of.py"), where, str(self.folder / "questions"))
        split = (line.split(" ", 2) for line in self.place.run(*command, timeout=240).splitlines())
        return {f"{name} {kind}": said for name, kind, said in split}

    def exchange6(self, name: str) -> dict[str, str]:
        """What the device is told over DHCPv6 where the file has a range of such addresses; each time it is another client."""
        if self.device is None or not GIVES6.search(self.case.text):
            return {}
        client = Dhclient6(self.device, self.folder / name)
        try:
            return client.get()
        finally:
            client.end()
            self.device.ip("-6 address flush dev port0 scope global")

    def exchange(self, device: Place | None, name: str) -> dict[str, str]:
        """What a device is told that joins, and leaves again."""
        if device is None:
            return {}
        client = Udhcpc(device, self.folder / name)
        client.start()
        told = client.wait_for("bound")
        client.end()
        device.ip("-4 address flush dev port0")
        return told


GIVES6 = re.compile(r"^dhcp-range=[^#\n]*::[^#\n]*::", re.MULTILINE)
"""A range of addresses, not only what is advertised."""


@contextmanager
def household(case: Case) -> Iterator[Household]:
    """With a device at the bridge where addresses are given out, if they are."""
    with open_folder() as folder, lan() as network, ExitStack() as stack:
        _files(case, folder)
        for bridge, addresses in case.bridges.items():
            network.bridge(bridge, *addresses)
        here = {where: mark for where, mark in case.servers.items() if where.startswith("127.")}
        far = {where: mark for where, mark in case.servers.items() if where not in here}
        for place, servers in ((network.server, here), (_world(network, far), far)):
            if place is not None and servers:
                stack.enter_context(_upstreams(place, servers, folder))
        (folder / "questions").write_text("\n".join(" ".join(one) for one in case.asked()))
        device = network.device(case.joins, case.hardware) if case.joins else None
        yield Household(case, network.server, folder, network, device)


def _world(network: Lan, far: Mapping[str, int]) -> Place | None:
    """Where the addresses of upstreams lead to that are not this machine's."""
    if not far:
        return None
    network.bridge(OUTSIDE, "198.18.0.1/24")
    world = network.device(OUTSIDE)
    world.ip("address add 198.18.0.2/24 dev port0")
    network.server.ip("route add default via 198.18.0.2")
    for where in far:
        world.ip(f"address add {where.partition('#')[0]}/32 dev lo")
        network.server.ip(f"route replace {where.partition('#')[0]}/32 via 198.18.0.2")
    return world


@contextmanager
def _upstreams(place: Place, servers: Mapping[str, int], folder: Path) -> Iterator[None]:
    log = folder / f"upstreams{place.pid}.log"
    given = [f"{where}={mark}" if mark else where for where, mark in servers.items()]
    with background(place, [sys.executable, str(KIT / "scripted.py"), *given], log):
        until(lambda: "ready" in log.read_text(), "the upstreams")
        yield


_PATHS = re.compile(
    r"^(\s*)(conf-dir|tftp-root|addn-hosts|conf-file|resolv-file|dhcp-leasefile|log-facility|dhcp-script)(=)(/[^,\s]*)",
    re.MULTILINE,
)
_FOLDERS = frozenset({"conf-dir", "tftp-root"})
_WRITTEN = frozenset({"dhcp-leasefile", "log-facility"})


def _files(case: Case, folder: Path) -> None:
    """The file, or all of the corpus, and what it names on the disk."""
    copies = folder / "corpus"
    if case.own:
        shutil.copytree(CORPUS, copies)
    else:
        copies.mkdir()
    root = folder / "root"
    nameserver = f"nameserver {case.resolv}\n" if case.resolv else ""
    # Where /etc/resolv.conf does not count, such a file is what names the servers.
    included = f"server={case.resolv}\n" if case.resolv and "\nno-resolv" in case.text else ""

    def placed(found: re.Match[str]) -> str:
        white, keyword, equals, path = found.groups()
        there = root / path.lstrip("/")
        (there if keyword in _FOLDERS else there.parent).mkdir(parents=True, exist_ok=True)
        if keyword not in _FOLDERS | _WRITTEN:
            there.write_text(
                {"resolv-file": nameserver, "conf-file": included, "dhcp-script": "#!/bin/sh\n"}.get(keyword, "")
            )
        return f"{white}{keyword}{equals}{there}"

    # dnsmasq looks for such files in /, where it goes at its start; Debian's knows no ubus, and not everywhere that group.
    text = case.text.replace("=school.", f"={copies}/school.") if case.own else _PATHS.sub(placed, case.text)
    for line in ("enable-ubus=dnsmasq\n", "user=dnsmasq\n", "group=dnsmasq\n", "user=root\n"):
        text = text.replace(line, "")
    if case.resolv and not re.search(r"^\s*resolv-file", text, re.MULTILINE):
        (folder / "resolv.conf").write_text(nameserver)
        text += f"\nresolv-file={folder}/resolv.conf\n"
    (copies / (case.name if case.own else "dnsmasq.conf")).write_text(text)
    for path in (*copies.rglob("*"), *root.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.read_bytes().startswith(b"#!") else 0o644)


@contextmanager
def running_dnsmasq(house: Household) -> Iterator[None]:
    """Debian's, by the file."""
    house.place.run("mkdir", "-p", "/var/lib/misc")
    command = [
        find("dnsmasq"),
        "-C",
        str(house.file),
        "--keep-in-foreground",
        "--user=root",
        # Nobody else is there; it would wait three seconds for an answer before it offers an address.
        "--no-ping",
        "--pid-file=/run/dnsmasq.pid",
    ]
    log = house.folder / "dnsmasq.log"
    with background(house.place, ["sh", "-c", f"cd {house.file.parent} && exec {' '.join(command)}"], log) as process:
        until(
            lambda: (
                process.poll() is not None or house.place.run("cat", "/run/dnsmasq.pid", check=False).strip().isdigit()
            ),
            "dnsmasq",
        )
        assert process.poll() is None, log.read_text()
        yield


def configuration(house: Household) -> Path:
    """Ours, made of the file, with what the place of a test needs besides."""
    config = house.folder / "anchorhold.toml"
    own = [(name, ip_interface(one).ip) for name, many in house.case.bridges.items() for one in many]
    migration = migrate((house.file,), Reader(own=lambda: own))
    draft = migration.draft
    draft.table("service").set("state", str(house.folder / "state"))
    draft.table("listen").set("control", str(house.folder / "control.sock"))
    draft.table("limits").set("rate", 0)  # all questions come from one client, as fast as it can
    if house.case.name != SIGNED and "\ndnssec\n" not in house.case.text:
        # The upstreams of the test are not below the real root.
        exempt = draft.table("dnssec").append("negative")
        exempt.set("zone", ".")
        exempt.set("reason", "the test's own world")
    if house.case.resolv and draft.table("resolve").get("mode") == "iterate":
        # What the report advises.
        draft.table("resolve").set("mode", "forward")
        draft.table("upstreams").table("default").set("servers", [f"udp://{house.case.resolv}"])
        draft.table("upstreams").table("default").set("profile", "opportunistic")
    _in_clear_text(draft, house.case)
    config.write_text(settled(migration, config, "test"))
    config.chmod(0o644)
    return config


def _in_clear_text(draft: Table, case: Case) -> None:
    """Operators that the migration asks over TLS are asked as dnsmasq asks them: nobody here has their certificates."""
    for item in draft.table("upstreams").items.values() if "upstreams" in draft else ():
        assert isinstance(item.value, Table)
        urls = [one["url"] if isinstance(one, dict) else one for one in item.value.values("servers")]
        if not any(str(url).startswith("tls") for url in urls):
            continue
        known = [where.partition("#")[0] for where in case.servers]
        clear = [
            f"udp://{one}" for one in known if any(re.search(rf"[@,]{re.escape(one)}(,|$)", str(url)) for url in urls)
        ]
        kept = [str(url) for url in urls if not str(url).startswith("tls")]
        item.value.set("servers", [*clear, *kept])
        item.value.set("profile", "opportunistic")


def both(case: Case) -> Both:
    """Run one and the other."""
    with household(case) as house:
        with running_dnsmasq(house):
            told = house.exchange(house.device, "theirs")
            told6 = house.exchange6("theirs6")
            theirs = house.answers()
        with started(configuration(house), within=house.place) as running:
            running.wait_for("serving on")
            told_here = house.exchange(house.device, "ours")
            told6_here = house.exchange6("ours6")
            ours = house.answers()
    return Both(theirs, ours, told, told_here, told6, told6_here)
