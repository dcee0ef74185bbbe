"""A service made of dnsmasq's configuration beside dnsmasq itself, each in the same place with the same upstreams: it answers
the same, but for what a table here explains; and the same device gets an address from both.
"""

import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from kit.dhcp_clients import Udhcpc
from kit.dhcp_house import ANCHORHOLD
from kit.lan import Lan, Place, background, lan
from kit.migrated import BRIDGES, CORPUS, KNOWN, exchanges, explained
from kit.peers import open_folder, until
from kit.peers import peer as find
from kit.questions_of import questions
from kit.service import started

from anchorhold.migrate.dnsmasq import migrate
from anchorhold.migrate.reading import Reader
from anchorhold.migrate.settle import settled

KIT = Path(__file__).parents[1] / "kit"
SIGNED = "signed.conf"
"""Where both validate, and nothing of the test's world can be proved."""
FILES = sorted(path.name for path in CORPUS.glob("*.conf"))


@dataclass
class Household:
    """A place with the bridges of a corpus file, a copy of the corpus, and the upstreams."""

    place: Place
    folder: Path
    network: Lan
    bridge: str

    def more(self, hardware: str) -> Place:
        """One more device at the bridge."""
        return self.network.device(self.bridge, hardware)

    def answers(self, server: str) -> dict[str, str]:
        """`NAME TYPE` to what the server says."""
        printed = self.place.run(
            sys.executable, str(KIT / "questions_of.py"), server, str(self.folder / "questions"), timeout=240
        )
        split = (line.split(" ", 2) for line in printed.splitlines())
        return {f"{name} {kind}": said for name, kind, said in split}


@contextmanager
def household(file: str) -> Iterator[tuple[Household, Place | None]]:
    """And a device at the bridge where addresses are given out, if they are."""
    with open_folder() as folder, lan() as network, ExitStack() as stack:
        shutil.copytree(CORPUS, folder / "corpus")
        for path in (folder / "corpus").rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        bridges = BRIDGES[file]
        for bridge, addresses in bridges.items():
            network.bridge(bridge, *addresses)
        stack.enter_context(
            background(
                network.server, [sys.executable, str(KIT / "scripted.py"), "5399", "5398"], folder / "upstreams.log"
            )
        )
        until(lambda: "ready" in (folder / "upstreams.log").read_text(), "the upstreams")
        stem = Path(file).stem
        parts = [CORPUS / file, *CORPUS.glob(f"{stem}.d/*.conf"), *CORPUS.glob(f"{stem}.hosts")]
        text = "".join(path.read_text() for path in parts)
        copy = folder / "corpus" / file
        # dnsmasq looks for such files in /, where it goes at its start; Debian's knows no ubus, and not everywhere that group.
        changed = copy.read_text().replace("=school.", f"={copy.parent}/school.")
        for line in ("enable-ubus=dnsmasq\n", "user=dnsmasq\n", "group=dnsmasq\n"):
            changed = changed.replace(line, "")
        copy.write_text(changed)
        (folder / "questions").write_text("\n".join(" ".join(one) for one in questions(text)))
        bridge = exchanges(file)
        device = network.device(bridge, KNOWN.get(file, "02:00:5e:10:ee:01")) if bridge else None
        yield Household(network.server, folder, network, bridge), device


@contextmanager
def running_dnsmasq(house: Household, file: str) -> Iterator[None]:
    """Debian's, by the file."""
    house.place.run("mkdir", "-p", "/var/lib/misc")
    command = [find("dnsmasq"), "-C", file, "--keep-in-foreground", "--user=root", "--pid-file=/run/dnsmasq.pid"]
    log = house.folder / "dnsmasq.log"
    with background(house.place, ["sh", "-c", f"cd {house.folder}/corpus && exec {' '.join(command)}"], log):
        until(lambda: house.place.run("cat", "/run/dnsmasq.pid", check=False).strip().isdigit(), "dnsmasq")
        yield


def dnsmasq_says(house: Household, file: str, device: Place | None) -> tuple[dict[str, str], dict[str, str]]:
    """Its answers, and what it told the device."""
    with running_dnsmasq(house, file):
        told = exchange(house, device, "theirs")
        return (house.answers("127.0.0.1") if "port=0" not in (CORPUS / file).read_text() else {}), told


def exchange(house: Household, device: Place | None, name: str) -> dict[str, str]:
    """What a device is told that joins, and leaves again."""
    if device is None:
        return {}
    client = Udhcpc(device, house.folder / name)
    client.start()
    told = client.wait_for("bound")
    client.end()
    device.ip("-4 address flush dev port0")
    return told


def ours_says(house: Household, file: str, device: Place | None) -> tuple[dict[str, str], dict[str, str]]:
    """The same of the service made of the file."""
    config = house.folder / "anchorhold.toml"
    migration = migrate((house.folder / "corpus" / file,), Reader())
    migration.draft.table("service").set("state", str(house.folder / "state"))
    migration.draft.table("listen").set("control", str(house.folder / "control.sock"))
    migration.draft.table("limits").set("rate", 0)  # all questions come from one client, as fast as it can
    if file != SIGNED:
        # The upstreams of the test are not below the real root.
        exempt = migration.draft.table("dnssec").append("negative")
        exempt.set("zone", ".")
        exempt.set("reason", "the test's own world")
    config.write_text(settled(migration, config, "test"))
    config.chmod(0o644)
    with started(config, within=house.place) as running:
        running.wait_for("serving on")
        told = exchange(house, device, "ours")
        return (house.answers("127.0.0.1") if "port=0" not in (CORPUS / file).read_text() else {}), told


@pytest.mark.parametrize("file", FILES)
def test_a_migrated_service_answers_what_dnsmasq_answers(file: str) -> None:
    with household(file) as (house, device):
        theirs, told = dnsmasq_says(house, file, device)
        ours, told_here = ours_says(house, file, device)
    counted: Counter[str] = Counter()
    unexplained = []
    for question, said in theirs.items():
        reason = explained(file, question, said, ours.get(question, "NONE"))
        counted[reason or "unexplained"] += 1
        if not reason:
            unexplained.append(f"{question}: dnsmasq {said!r}, here {ours.get(question)!r}")
    print(f"{file}: {len(theirs)} questions: {dict(counted)}")
    print("\n".join(unexplained[:20]))
    assert unexplained == []
    assert not theirs or len(theirs) >= 300
    keys = ("subnet", "router", "ntpsrv", "mtu", "wins", "boot_file")
    # dnsmasq names itself as boot server to everybody.
    for key in (*keys, "siaddr") if "dhcp-boot" in (CORPUS / file).read_text() else keys:
        assert (key, told.get(key)) == (key, told_here.get(key))
    if device is not None:
        assert told["ip"].rsplit(".", 1)[0] == told_here["ip"].rsplit(".", 1)[0]


def test_no_address_moves(tmp_path: Path) -> None:
    """Three devices with leases of dnsmasq's; the command line migrates, the leases are imported, and each gets its own again."""
    with household("home.conf") as (house, first):
        assert first is not None
        devices = [first, *(house.more(f"02:00:5e:10:ee:0{number}") for number in (2, 3))]
        house.place.run("mkdir", "-p", "/var/lib/misc")
        with running_dnsmasq(house, "home.conf"):
            before = [exchange(house, device, f"theirs{number}")["ip"] for number, device in enumerate(devices)]
        leases = "/var/lib/misc/dnsmasq.leases"
        config, report = house.folder / "anchorhold.toml", house.folder / "report.txt"
        file = house.folder / "corpus" / "home.conf"
        arguments = ("-o", str(config), "--leases", leases, "--report", str(report))
        house.place.run(ANCHORHOLD, "migrate", "dnsmasq", str(file), *arguments, check=False)
        assert report.read_text().count("lease of") == 3
        config.write_text(f'[service]\nstate = "{house.folder}/state"\n{config.read_text()}')
        config.chmod(0o644)
        house.place.run(ANCHORHOLD, "leases", "import", leases, "--state", str(house.folder / "state"))
        with started(config, within=house.place) as running:
            running.wait_for("serving on")
            after = [exchange(house, device, f"ours{number}")["ip"] for number, device in enumerate(reversed(devices))]
    assert after == before[::-1]
