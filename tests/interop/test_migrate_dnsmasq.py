"""A service made of dnsmasq's configuration beside dnsmasq itself, each in the same place with the same upstreams: it answers
the same, but for what a table (kit/migrated.py) explains; and the same device gets an address from both.
"""

import re
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path

import pytest
from kit import migrated_found
from kit.dhcp_house import ANCHORHOLD
from kit.migrated import CORPUS, explained
from kit.migrated_beside import GIVES6, Both, Case, both, household, of_the_corpus, running_dnsmasq
from kit.service import started

CASES = [*(of_the_corpus(path.name) for path in sorted(CORPUS.glob("*.conf"))), *migrated_found.cases()]
AT_ONCE = 3
"""Most of the time each of them waits: for leases, for programs to start."""
BOOT_SERVER = re.compile(r"^dhcp-boot=(?:tag:[^,]*,)*+[^,#\s]+,[^,#\s]*,[^,#\s]+", re.MULTILINE)


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest) -> dict[str, Future[Both]]:
    """Of every case that is to be tested, all done: pytest writes to the environment before each test, and a program that a
    thread starts at that moment reads it half written (EFAULT)."""
    wanted = [
        item.callspec.params["case"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.module is request.module and hasattr(item, "callspec")
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return {case.name: pool.submit(both, case) for case in wanted}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_migrated_service_answers_what_dnsmasq_answers(case: Case, outcomes: dict[str, Future[Both]]) -> None:
    seen = outcomes[case.name].result()
    counted: Counter[str] = Counter()
    unexplained = []
    for question, said in seen.theirs.items():
        here = seen.ours.get(question, "NONE")
        reason = explained(case.name, case.text, question, said, here)
        counted[reason or "unexplained"] += 1
        if not reason:
            unexplained.append(f"{question}: dnsmasq {said!r}, here {here!r}")
    print(f"{case.name}: {len(seen.theirs)} questions: {dict(counted)}")
    print("\n".join(unexplained[:20]))
    assert unexplained == []
    assert len(seen.theirs) >= 300 if case.port else seen.theirs == {}
    keys = ("subnet", "router", "ntpsrv", "mtu", "wins", "boot_file")
    # dnsmasq names itself as boot server to everybody; here is no TFTP, so only one that the file names counts.
    for key in (*keys, "siaddr") if BOOT_SERVER.search(case.text) else keys:
        assert (key, seen.told.get(key)) == (key, seen.told_here.get(key))
    if case.joins:
        assert _network(seen.told) == _network(seen.told_here)
    assert _said6(seen.told6) == _said6(seen.told6_here)
    assert bool(seen.told6) == bool(GIVES6.search(case.text))


def _network(told: dict[str, str]) -> IPv4Network:
    return IPv4Interface(f"{told['ip']}/{told['subnet']}").network


def _said6(told: dict[str, str]) -> list[str]:
    """The network of the address (its range has four digits at most), and the resolvers; the server itself may have more than one
    address there. dnsmasq tells no search domain over DHCPv6."""
    network = told.get("new_ip6_address", "").rpartition(":")[0]
    resolvers = told.get("new_dhcp6_name_servers", "").split()
    return [network, *("here" if network and one.startswith(network) else one for one in resolvers)]


def test_no_address_moves(tmp_path: Path) -> None:
    """Three devices with leases of dnsmasq's; the command line migrates, the leases are imported, and each gets its own again."""
    with household(of_the_corpus("home.conf")) as house:
        assert house.device is not None
        devices = [house.device, *(house.more(f"02:00:5e:10:ee:0{number}") for number in (2, 3))]
        house.place.run("mkdir", "-p", "/var/lib/misc")
        with running_dnsmasq(house):
            before = [house.exchange(device, f"theirs{number}")["ip"] for number, device in enumerate(devices)]
        leases = "/var/lib/misc/dnsmasq.leases"
        config, report = house.folder / "anchorhold.toml", house.folder / "report.txt"
        arguments = ("-o", str(config), "--leases", leases, "--report", str(report))
        house.place.run(ANCHORHOLD, "migrate", "dnsmasq", str(house.file), *arguments, check=False)
        assert report.read_text().count("lease of") == 3
        config.write_text(f'[service]\nstate = "{house.folder}/state"\n{config.read_text()}')
        config.chmod(0o644)
        house.place.run(ANCHORHOLD, "leases", "import", leases, "--state", str(house.folder / "state"))
        with started(config, within=house.place) as running:
            running.wait_for("serving on")
            after = [house.exchange(device, f"ours{number}")["ip"] for number, device in enumerate(reversed(devices))]
    assert after == before[::-1]
