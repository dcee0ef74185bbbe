"""Floods of questions: dead servers and random names must neither crowd out anybody else nor become a flood at the other end.
The real outside with its doors, in virtual time over a simulated Internet."""

import asyncio
from collections.abc import Callable

import pytest
from kit.crowd import Client, Household, household
from kit.figures import holds
from kit.internet import Endpoint, Internet
from kit.virtual import run_virtually

from resolver.edge.iterating import MAX_IN_FLIGHT_ZONE
from resolver.iterate.servers import MAX_IN_FLIGHT_DEAD, MAX_IN_FLIGHT_UNKNOWN
from wire.units import Seconds

ROOT, TOP, SHOP, EVIL = "198.51.100.1", "192.0.2.1", "192.0.2.2", "192.0.2.66"
DEAD = 50
SECONDS, BENIGN_RATE = 20.0, 20.0


def internet() -> Internet:
    made = Internet()
    made.serve(".", {"a.root.": ROOT})
    made.serve("example.", {"ns.example.": TOP})
    made.serve("shop.example.", {"ns.shop.example.": SHOP}, "*.fresh A 203.0.113.1\nwww A 203.0.113.1")
    made.serve("evil.example.", {"ns.evil.example.": EVIL}, "www A 203.0.113.66")
    for number in range(DEAD):
        made.delegate(f"dead{number}.example.", {f"ns.dead{number}.example.": f"10.0.0.{number}"})
    return made


def benign(number: int) -> str:
    """Every second one is new, the others are cached."""
    return f"n{number}.fresh.shop.example." if number % 2 else "www.shop.example."


async def side_by_side(
    made: Internet, patch: pytest.MonkeyPatch, rate: float, name: Callable[[int], str]
) -> tuple[Household, Client, Client]:
    """A household where one asks as people do, and another one floods."""
    async with household(made, patch) as home:
        quiet, attacker = home.client(), home.client()
        await quiet.ask("www.shop.example.")
        quiet.waits.clear()
        await asyncio.gather(quiet.keep_asking(BENIGN_RATE, SECONDS, benign), attacker.keep_asking(rate, SECONDS, name))
        return home, quiet, attacker


def nobody_else_is_hurt(attack: str, quiet: Client) -> None:
    assert len(quiet.answers) == 1 + int(BENIGN_RATE * SECONDS)
    assert {"203.0.113.1"} == set(quiet.answers)
    assert holds(attack, "answers lost by somebody else", quiet.lost, 0)
    assert holds(
        attack, "99th percentile of somebody else's waits, ms", round(1000 * quiet.slowest_of_a_hundred()), 100
    )


def test_phantoms_a_thousand_names_of_fifty_dead_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    made = internet()
    home, quiet, attacker = run_virtually(
        side_by_side(made, monkeypatch, 50.0, lambda number: f"n{number}.dead{number % DEAD}.example.")
    )
    phantoms = [Endpoint(f"10.0.0.{number}") for number in range(DEAD)]
    attack = "phantoms, 50 questions/s for 50 dead servers"
    assert 1_000 == attacker.lost
    dead = max(home.traffic.dead[one] for one in phantoms)
    assert holds(attack, "under way to a server held for dead", dead, MAX_IN_FLIGHT_DEAD)
    assert holds(attack, "packets to a dead server in 20 s", max(home.traffic.packets[one] for one in phantoms), 20)
    nobody_else_is_hurt(attack, quiet)


def test_one_phantom_asked_by_everybody_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = internet()
    home, quiet, attacker = run_virtually(side_by_side(made, monkeypatch, 500.0, lambda n: f"n{n}.dead0.example."))
    phantom = Endpoint("10.0.0.0")
    attack = "one phantom, 500 questions/s"
    assert 10_000 == attacker.lost
    assert holds(attack, "under way to it before it was known", home.traffic.most[phantom], MAX_IN_FLIGHT_UNKNOWN)
    assert holds(attack, "packets to it in 20 s", home.traffic.packets[phantom], 100)
    nobody_else_is_hurt(attack, quiet)


@pytest.mark.parametrize("rtt", [0.02, 0.3])
def test_random_subdomains_at_500_a_second(rtt: float, monkeypatch: pytest.MonkeyPatch) -> None:
    made = internet()
    made.rtts[Endpoint(EVIL)] = Seconds(rtt)
    home, quiet, _ = run_virtually(side_by_side(made, monkeypatch, 500.0, lambda n: f"x{n}.evil.example."))
    attack = "random subdomains, 500/s"
    most = home.traffic.most["evil.example."]
    assert holds(attack, "under way for one zone", most, MAX_IN_FLIGHT_ZONE)
    assert holds(attack, "packets to the zone for each question", home.traffic.packets[Endpoint(EVIL)] / 10_000, 1)
    nobody_else_is_hurt(attack, quiet)


def test_random_subdomains_of_many_zones_at_one_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A door for each zone is no help against one who has many."""
    made = internet()
    for number in range(40):
        made.serve(f"e{number}.example.", {f"ns.e{number}.example.": EVIL})
    made.rtts[Endpoint(EVIL)] = Seconds(0.3)
    home, quiet, _ = run_virtually(side_by_side(made, monkeypatch, 500.0, lambda n: f"x{n}.e{n % 40}.example."))
    attack = "random subdomains of 40 zones at one slow server, 500/s"
    assert holds(attack, "under way to the server", home.traffic.most[Endpoint(EVIL)], MAX_IN_FLIGHT_ZONE)
    nobody_else_is_hurt(attack, quiet)
