"""The wall clock is set, by seconds or by years, either way: what was begun lasts as long as it was meant to, and answers go on.

DNSSEC: `tests/unit/test_edge_clock.py`, `tests/cells/test_clock_live.py`; leases: `tests/unit/test_dhcp_clock.py`; schedules:
`tests/unit/test_policy_edge.py`. Here is what else looks at it.
"""

import os
from pathlib import Path

import dns.edns
import dns.message
import pytest
from kit.desk import START, Counter53
from kit.keyset import ENTRY, keyset, record
from kit.signing import DATE, DAY
from kit.world import settings

from anchorhold.keeper.folder import Folder
from anchorhold.keeper.keeper import Keeper
from anchorhold.lists.pauses import SPREAD, pause_until
from resolver.dnssec.anchors import TrustAnchor
from resolver.dnssec.rollover import LONGEST_PAUSE
from resolver.edge.serve import Desk
from resolver.edge.standing import Standing
from wire.dns.names import ROOT
from wire.units import Epoch, Instant

HOUR, YEAR = 3_600.0, 365.0 * DAY
JUMPS = (-30 * YEAR, -DAY, -2 * HOUR, -1.0, 1.0, 2 * HOUR, DAY, 30 * YEAR)
jumps = pytest.mark.parametrize("jump", JUMPS)


def left(standing: Standing, date: float) -> float:
    """Seconds for which nothing blocks from that date on, as the resolver would find out."""
    book = standing.book(date, lambda: None)
    return max(book.until - date, 0.0) if standing.paused(date) else 0.0


@jumps
def test_a_pause_of_blocking_never_gets_longer(jump: float) -> None:
    standing = Standing(settings("one.example"))
    standing.pause(("kids",), HOUR, DATE)
    assert left(standing, DATE + 600) == HOUR - 600
    after = left(standing, DATE + 600 + jump)
    assert after == (max(HOUR - 600 - jump, 0.0) if jump > 0 else min(HOUR - 600 - jump, HOUR))
    assert left(standing, DATE + 600 + jump + after) == 0.0


@jumps
def test_a_client_with_a_cookie_of_before_is_answered_from_the_cache_and_gets_another(jump: float) -> None:
    front, dates = Counter53(), [float(DATE)]
    front.desk = Desk(front.settings, bytes(range(32)), 41, lambda: dates[-1])
    front.desk.connect(front.port)
    front.desk.grant(10, START)
    front.warm()
    first = front.ask(asking(b"client 1"))
    dates.append(DATE + jump)
    again = front.ask(asking(cookie_of(first.message)), now=Instant(START + 1))
    assert again.message.answer == first.message.answer
    assert cookie_of(again.message)[:8] == b"client 1"
    assert abs(again.message.answer[0].ttl - 299) <= 1, "by the clock that never jumps"


def asking(cookie: bytes) -> dns.message.Message:
    return dns.message.make_query("www.example", "A", options=[dns.edns.GenericOption(10, cookie)])


def cookie_of(message: dns.message.Message) -> bytes:
    (found,) = [option for option in message.options if option.otype == 10]
    return bytes(found.to_wire())


@jumps
def test_the_roots_keys_are_looked_at_in_time(jump: float, tmp_path: Path) -> None:
    """After whatever jump, no later than the longest pause from then on."""
    descriptor = os.open(tmp_path, os.O_RDONLY)
    keeper = Keeper(Folder(descriptor), (record(1),), Epoch(DATE - 100 * DAY), lambda *_: None)
    keeper.open(DATE)
    keeper.follow((TrustAnchor(ROOT, (record(1),)),), DATE)
    keeper.heard(ROOT, keyset({1: ENTRY}, {1: ENTRY}, DATE), DATE)
    clock = Epoch(DATE + jump)
    pause = keeper.pause(clock)
    os.close(descriptor)
    assert 0 <= pause <= LONGEST_PAUSE
    assert pause == 0 or jump < DAY, "it is due"
    assert pause > 0 or abs(jump) >= DAY, "and not yet"


@jumps
def test_a_list_is_fetched_in_time(jump: float) -> None:
    refresh = int(DAY)
    pause = pause_until(int(DATE), refresh, DATE + jump, 0.5)
    assert pause <= (SPREAD if jump < 0 else refresh)
