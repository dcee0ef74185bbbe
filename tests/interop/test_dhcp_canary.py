"""A thousand leases of marked devices go through the real service: no file and no line of the log holds one of the marks."""

import json
import re
import sys
from pathlib import Path

from kit import dhcp_crowd
from kit.dhcp_crowd import MARK, NAME, hardware, name
from kit.dhcp_house import HOUSE4, House, house
from kit.peers import until

COUNT = 1_000
OURS, RELAY = "10.77.0.1", "10.77.0.2"
CROWD = f"""
[[dhcp.subnet]]
prefix = "10.77.0.0/16"
interface = "lan0"
pools = ["10.77.4.0-10.77.11.255"]
options = {{ dns-servers = "{HOUSE4}" }}
"""
GENERAL = f'relays = ["{RELAY}"]\nrate = 100\ninterface_rate = 1000000\n'

_RAW = re.compile(re.escape(MARK) + rb"(..)", re.DOTALL)
_SPELLED = re.compile(rb"00[:.-]?c0[:.-]?ff[:.-]?ee")


def marks_in(data: bytes) -> list[bytes]:
    """Hardware addresses and names of clients of the crowd, however they are spelled."""
    lower = data.lower()
    raw = [found[0] for found in _RAW.finditer(data) if int.from_bytes(found[1], "big") < COUNT]
    spelled = [found[0] for found in _SPELLED.finditer(lower)]
    return raw + spelled + [NAME.encode()] * lower.count(NAME.encode())


def crowd(here: House, count: int) -> dict[int, str]:
    """Everybody's address."""
    between = here.lan.device("lan0")
    here.lan.server.ip(f"address add {OURS}/16 dev lan0")
    between.ip(f"address add {RELAY}/16 dev port0")
    program = str(Path(dhcp_crowd.__file__))
    got = json.loads(between.run(sys.executable, program, "0", str(count), RELAY, OURS))
    return {int(number): address for number, address in got.items()}


def found_below(folder: Path) -> dict[str, list[bytes]]:
    """The files with marks in them; captures are the wire itself."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pcapng"]
    assert any(path.name.startswith("leases.db") for path in files)
    return {path.name: found for path in files if (found := marks_in(path.read_bytes()))}


def test_no_file_and_no_line_holds_one_of_a_thousand_marked_devices() -> None:
    with house(CROWD, GENERAL, least=COUNT) as here:
        got = crowd(here, COUNT)
        assert COUNT == len(got) == len(set(got.values()))
        # They are known: each name is answered, and the leases are there.
        for number in (0, 7, COUNT - 1):
            asked = (HOUSE4, f"{name(number)}.home.arpa", "A")
            until(lambda asked=asked, number=number: got[number] == here.ask(*asked), "the name")  # type: ignore[misc]
        assert COUNT <= here.counters()["acked"]
        assert {} == found_below(here.folder)
        assert here.running.end() == 0
        assert {} == found_below(here.folder)
        said = "\n".join(here.running.lines)
        assert [] == marks_in(said.encode())
        assert not any(address in said for address in got.values())


def test_the_marks_are_found_where_a_user_chose_to_keep_them() -> None:
    """So the test above would see them."""
    with house(CROWD, f"{GENERAL}store_identifiers = true\nstore_names = true\n") as here:
        assert 20 == len(crowd(here, 20))
        (found,) = {tuple(sorted(set(marks))) for path, marks in found_below(here.folder).items() if "leases" in path}
        assert {hardware(7), NAME.encode()} <= set(found)
