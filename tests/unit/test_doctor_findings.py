"""From evidence to words: what is bad, what is a warning, and which devices come."""

from dataclasses import replace

import pytest

from anchorhold.doctor.findings import (
    Asked,
    Family,
    Finding,
    Level,
    Seen,
    Trust,
    families,
    of_discovery,
    of_endpoints,
    of_status,
)
from resolver.designated import Designation
from resolver.settings import Served

NOW, DAY = 1_800_000_000.0, 86_400.0
NAME, LAN = "dns.home.arpa", "192.168.1.1"
DOT = Seen(Served.TLS, LAN, 853, trust=Trust.PRIVATE, names=(NAME,), addresses=(LAN,), until=NOW + 30 * DAY)
DOH = replace(DOT, served=Served.HTTPS, port=443)
TELLS = Asked(LAN, (Designation("tls", 853, "", ()), Designation("https", 443, "/dns-query", ())))


def words(findings: object) -> list[tuple[Level, str]]:
    return [(one.level, one.text) for one in findings]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("changes", "level", "text"),
    [
        ({}, Level.GOOD, "answers, and proves who it is (devices that your authority is installed on)"),
        ({"trust": Trust.PUBLIC}, Level.GOOD, "answers, and proves who it is"),
        (
            {"names": ("*.home.arpa",)},
            Level.GOOD,
            "answers, and proves who it is (devices that your authority is installed on)",
        ),
        ({"failure": "cannot be reached", "refused": True}, Level.BAD, "cannot be reached"),
        ({"until": NOW - 1}, Level.BAD, "its certificate has run out"),
        ({"until": NOW + 3.5 * DAY}, Level.WARNING, "its certificate runs out in 3 days"),
        ({"names": ("other.example",)}, Level.BAD, "its certificate does not hold dns.home.arpa"),
        ({"trust": Trust.NOBODY}, Level.BAD, "its certificate is believed by nobody"),
    ],
)
def test_a_way_in_is_well_or_it_is_said_what_is_not(changes: dict[str, object], level: Level, text: str) -> None:
    assert words(of_endpoints(NAME, [replace(DOT, **changes)], NOW)) == [(level, text)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "every", "expected"),
    [
        (TELLS, (DOT, DOH), [(Level.GOOD, "tells of https:443, tls:853")]),
        (Asked(LAN, failure="gives no answer"), (DOT,), [(Level.BAD, "gives no answer")]),
        (Asked(LAN), (DOT,), [(Level.BAD, "not told of tls:853")]),
        (TELLS, (DOT, replace(DOH, failure="no TLS")), [(Level.BAD, "told of https:443, where nobody answers")]),
    ],
)
def test_what_is_told_is_held_against_what_is_there(
    asked: Asked, every: tuple[Seen, ...], expected: list[object]
) -> None:
    assert words(of_discovery([asked], every)) == expected


def test_a_certificate_without_the_clear_address_is_a_warning() -> None:
    every = (replace(DOT, addresses=()), replace(DOH, addresses=()))
    (_, warning) = of_discovery([TELLS], every)
    assert (warning.level, "RFC 9462" in warning.text) == (Level.WARNING, True)


def come(*every: Seen, told: Asked = TELLS, dnr: bool = False) -> dict[str, bool]:
    found: tuple[Family, ...] = families((told,), every, dnr)
    return {
        row.devices.split(" (")[0].split(",")[0] + ("!" if "a name" in row.devices else ""): row.upgrades
        for row in found
    }


NONE = {
    "Android": False,
    "Android!": False,
    "iOS": False,
    "Windows 11": False,
    "systemd-resolved": False,
    "Chrome": False,
}


@pytest.mark.parametrize(
    ("every", "how", "expected"),
    [
        ((), {}, set()),
        ((DOT,), {}, {"Android", "iOS", "systemd-resolved"}),
        ((replace(DOT, trust=Trust.PUBLIC),), {}, {"Android", "Android!", "iOS", "systemd-resolved"}),
        ((DOT, DOH), {}, {"Android", "iOS", "Windows 11", "systemd-resolved"}),
        ((replace(DOT, addresses=()),), {}, {"Android", "systemd-resolved"}),
        ((replace(DOT, address="192.168.1.2"),), {}, {"iOS"}),
        ((replace(DOH, addresses=()),), {"dnr": True}, {"Windows 11"}),
        ((DOT,), {"told": Asked(LAN)}, {"Android", "systemd-resolved"}),
    ],
)
def test_each_kind_of_device_comes_if_what_it_needs_is_there(
    every: tuple[Seen, ...], how: dict[str, object], expected: set[str]
) -> None:
    found = come(*every, **how)  # type: ignore[arg-type]
    assert found == NONE | dict.fromkeys(expected, True)


GOOD_STATUS = {
    "front": {"pid": 1},
    "resolver": {
        "clock": {"believed": True},
        "keeper": {"kept": True, "problems": 0},
        "upstreams": [{"group": "default", "state": "ready"}],
    },
    "secure": {"pid": 2},
    "dhcp": {"leases": 3, "store": ""},
}


def test_a_service_that_is_well_gives_no_word_of_complaint() -> None:
    assert {one.level for one in of_status(GOOD_STATUS, secure=True)} == {Level.GOOD}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cell", "line", "expected"),
    [
        ("secure", {"error": "x"}, Finding(Level.BAD, "cell secure", "does not answer")),
        ("resolver", {"clock": {"believed": False}}, Finding(Level.BAD, "clock", "is wrong: nothing")),
        ("resolver", {"keeper": {"problems": 2}}, Finding(Level.WARNING, "trust anchors", "2 problems")),
        ("resolver", {"keeper": {"kept": False}}, Finding(Level.WARNING, "trust anchors", "changes are not kept")),
        (
            "resolver",
            {"upstreams": [{"group": "a", "state": "resting"}]},
            Finding(Level.BAD, "upstreams a", "none answers"),
        ),
        (
            "resolver",
            {"upstreams": [{"group": "a", "state": "resting"}, {"group": "a", "state": "ready"}]},
            Finding(Level.WARNING, "upstreams a", "1 of 2 do not answer"),
        ),
        ("secure", {"restarts": 3}, Finding(Level.WARNING, "cell secure", "had to be replaced 3 times")),
        (
            "front",
            {"counters": {"tcp-accept-24": 7, "hits": 9}},
            Finding(Level.WARNING, "machine (front)", "no descriptor is left: idle connections are given up"),
        ),
        (
            "resolver",
            {"network": {"watched": "sleep of the machine"}},
            Finding(Level.WARNING, "network", "another network is not noticed"),
        ),
        ("dhcp", {"store": "disk full"}, Finding(Level.BAD, "leases", "are not written: disk full")),
    ],
)
def test_each_fault_of_the_service_is_said(cell: str, line: dict[str, object], expected: Finding) -> None:
    found = [one for one in of_status(GOOD_STATUS | {cell: line}, secure=True) if one.level is not Level.GOOD]  # type: ignore[operator]
    assert [(one.level, one.subject) for one in found] == [(expected.level, expected.subject)]
    assert found[0].text.startswith(expected.text)
