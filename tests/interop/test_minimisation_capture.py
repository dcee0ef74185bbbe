"""What every authoritative server of the lab (`tests/lab/`) received from us: a capture on its network's interface.

No server above the last zone cut may see more labels than RFC 9156 allows. Where a server has both sides of a cut, it gives
no referral, and no resolver can know that its neighbour has only the upper side: such cuts say nothing, and are left out.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from kit.peers import need_root, peer
from lab.capture import Shown
from lab.programs import run_apart
from lab.tree import TREE
from lab.zones import is_below, parent_name

MAX_MINIMISE_COUNT, MINIMISE_ONE_LAB = 10, 4
"""RFC 9156 §2.3; on purpose not taken from the code that is tested."""

ORIGINS = frozenset(zone.origin for zone in TREE)


def labels(name: str) -> int:
    return 0 if name == "." else name.count(".")


def zones_by_host() -> dict[str, set[str]]:
    """Host → the zones it has or is said to have by anybody."""
    found: dict[str, set[str]] = defaultdict(set)
    for zone in TREE:
        said = [server.host for server in (*zone.servers, *zone.parent_servers, *zone.stale_glue)]
        for host in (*said, *zone.serving):
            found[host].add(zone.origin)
    return found


ZONES = zones_by_host()


SERVERS = {server.name for zone in TREE for server in (*zone.servers, *zone.parent_servers)}


def is_hidden(zone: str, cut: str) -> bool:
    """Whether a server of the zone has what is below the cut as well."""
    return any({zone, cut} <= zones for zones in ZONES.values())


class Above(NamedTuple):
    """A query that reached a server above the last zone cut: the zone it was asked as a server of, the cut below."""

    shown: Shown
    zone: str
    cut: str

    @property
    def excess(self) -> int:
        """Labels shown beyond the cut."""
        return labels(self.shown.name) - labels(self.cut)


def above(shown: list[Shown]) -> Iterator[Above]:
    """Queries for a name at or below a cut, to a server that stands only above that cut."""
    for query in shown:
        zone, cut = query.name, ""
        while zone not in ZONES[query.host]:
            cut = zone if zone in ORIGINS else cut
            if zone == ".":
                break
            zone = parent_name(zone)
        if cut and zone in ZONES[query.host] and not is_hidden(zone, cut):
            yield Above(query, zone, cut)


def allowed(one: Above, goals: set[str]) -> int:
    """The most labels RFC 9156 §2.3 lets the servers of the zone see of a name below the cut.

    They see name after name until one reaches the cut. The way may have begun anywhere between the two, for names on it
    may be known to exist.
    """
    most = labels(one.cut)
    for goal in {labels(name) for name in goals if is_below(name, one.cut)}:
        for begin in range(labels(one.zone), labels(one.cut)):
            reached = begin
            for asked in range(MAX_MINIMISE_COUNT):
                rest = goal - reached
                reached += 1 if asked < MINIMISE_ONE_LAB else -(-rest // (MAX_MINIMISE_COUNT - asked))
                if reached >= labels(one.cut):
                    break
            most = max(most, reached)
    return most


class Found(NamedTuple):
    """What was asked of us, and what each mode showed to whom."""

    asked: set[str]
    shown: dict[str, list[Shown]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    for program in ("nsd", "knotd", "named", "ip", "unshare"):
        peer(program)
    need_root("a network namespace")
    output = tmp_path_factory.mktemp("lab") / "capture.json"
    said = run_apart("capture", str(output), "strict", "relaxed", "off", timeout=200)
    assert output.exists(), said
    read = json.loads(output.read_text())
    shown = {mode: [Shown(*query) for query in queries] for mode, queries in read["shown"].items()}
    return Found({name.lower() for name in read["asked"]}, shown)


pytestmark = [pytest.mark.peer("nsd, knotd, named"), pytest.mark.timeout(240)]


@pytest.mark.parametrize("mode", ["strict", "relaxed"])
def test_no_server_above_the_last_zone_cut_sees_more_labels_than_rfc_9156_allows(mode: str, found: Found) -> None:
    queries = list(above(found.shown[mode]))
    goals = found.asked | {query.name for query in found.shown[mode]}
    exceeding = [query for query in queries if labels(query.shown.name) > allowed(query, goals)]
    hosts = {query.shown.host.split("-")[0] for query in queries}
    print(f"{mode}: {len(found.shown[mode])} queries seen by servers, {len(queries)} above the last zone cut")
    assert [] == exceeding
    assert {"root", "tld", "site"} <= hosts
    assert len(queries) >= 150


@pytest.mark.parametrize("mode", ["strict", "relaxed"])
def test_names_on_the_way_are_asked_for_with_a_type_that_tells_nothing(mode: str, found: Found) -> None:
    """DS is the parent's own (RFC 4035 §3.1.4.1); the goal itself, which may be a zone's apex, is asked for with its type."""
    on_the_way = [query for query in above(found.shown[mode]) if query.shown.name not in found.asked]
    telling = [q for q in on_the_way if q.shown.rrtype not in ("A", "DS") and q.shown.name not in SERVERS]
    assert [] == telling
    assert len(on_the_way) >= 50


def test_the_root_sees_one_label_even_of_names_that_do_not_exist(found: Found) -> None:
    seen = {query.name for query in found.shown["strict"] if query.host.startswith("root-")}
    assert {name for name in seen if labels(name) > 1 and not is_below(name, "root-servers.net.")} == set()
    assert len(seen) >= 8


def test_the_capture_would_show_what_is_not_minimised(found: Found) -> None:
    """The other tests prove something only if this one sees whole names above the cuts."""
    assert [] != [query for query in above(found.shown["off"]) if query.excess > 0]
