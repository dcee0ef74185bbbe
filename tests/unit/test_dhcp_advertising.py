"""Router advertisements at the edge: the last words of an interface where nothing is advertised any more."""

from collections import Counter
from dataclasses import replace

import pytest
from kit.dhcp_site import own

from dhcp.edge.advertising import Advertising
from dhcp.edge.interfaces import Interface
from dhcp.edge.opening import Role
from dhcp.edge.rogues import Rogues
from dhcp.settings import Advertised, DhcpSettings
from dhcp.values import Link
from wire.dhcp.ra import parse_router_advertisement
from wire.units import Instant

ROUTER = own("fe80::1/64")
LINK = Link(2, "lan", b"\2\0\x5e\x10\0\1", (ROUTER, own("2001:db8:1::1/64")))
SETTINGS = DhcpSettings(1, advertised=(Advertised("lan"),))
SILENT = replace(SETTINGS, advertised=())


class Links:
    def current(self) -> dict[int, Link]:
        return {2: LINK}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The router lifetime of each advertisement that left."""
    lifetimes: list[int] = []

    def send(_: object, data: bytes, *__: object) -> bool:
        lifetimes.append(parse_router_advertisement(data, 255, ROUTER.address).lifetime)
        return True

    monkeypatch.setattr("dhcp.edge.advertising.send_icmp6", send)
    return lifetimes


def advertising() -> Advertising:
    interface = Interface(2, "lan")
    interface.sockets[Role.ICMP6] = object()  # type: ignore[assignment]
    counters: Counter[str] = Counter()
    return Advertising(SETTINGS, [interface], Links(), Rogues(counters, print), counters)  # type: ignore[arg-type]


def test_the_last_words_are_said_three_times_three_seconds_apart(sent: list[int]) -> None:
    """RFC 4861 §6.2.5: MAX_FINAL_RTR_ADVERTISEMENTS."""
    made = advertising()
    made.turn(Instant(100.0))
    made.use(SILENT, Instant(110.0))
    assert [1_800, 0] == sent
    for second in range(111, 125):
        due = made.due(Instant(float(second)))
        assert due is None or due <= 3.0
        made.turn(Instant(float(second)))
    assert [1_800, 0, 0, 0] == sent
    assert made.due(Instant(130.0)) is None


def test_who_advertises_again_meanwhile_says_no_more_last_words(sent: list[int]) -> None:
    made = advertising()
    made.turn(Instant(100.0))
    made.use(SILENT, Instant(110.0))
    made.use(SETTINGS, Instant(111.0))
    for second in range(111, 125):
        made.turn(Instant(float(second)))
    assert 1 == sent.count(0)
    assert 1_800 == sent[-1]


def test_at_the_end_of_the_cell_it_is_said_once_for_nobody_waits(sent: list[int]) -> None:
    made = advertising()
    made.turn(Instant(100.0))
    made.cease()
    assert [1_800, 0] == sent
