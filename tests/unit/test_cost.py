"""What an answer cost is told from who found it to who let the question in: a number, and nothing else crosses."""

import dns.message
import pytest
from kit.desk import START, Counter53, answer
from kit.questions import key_of
from kit.resolver_line import Line, on_line
from kit.world import respond, settings

from anchorhold.ipc import parse_reply
from resolver.dnssec.budget import UNITS
from resolver.dnssec.nsec3 import ROUNDS_A_UNIT, Hashes, Hashing
from resolver.edge.flights import Flight
from resolver.iterate.budget import OCTETS_A_PACKET, VERIFICATION, Budget
from wire.units import Instant


def test_packets_and_octets_and_verifications_cost() -> None:
    budget = Budget(Instant(5.0))
    assert budget.cost() == 0.0
    budget.pay(3, 2 * OCTETS_A_PACKET)
    assert budget.cost() == 5.0
    budget.validation.verify(8)
    assert budget.cost() == 5.0 + 8 * VERIFICATION
    budget.validation.verify(UNITS - 8)
    assert budget.cost() == 5.0 + UNITS * VERIFICATION


def test_hashes_cost_by_their_rounds() -> None:
    hashes = Hashes()
    for label in range(5):
        hashes.digest(bytes((1, 97 + label, 0)), Hashing(19, b""))
    assert hashes.cost() == 100 / ROUNDS_A_UNIT


def made() -> Line:
    return Line(settings("a"), respond)


@on_line(made)
async def test_it_crosses_between_the_cells(line: Line) -> None:
    await line.say()
    reply = answer(key_of("www.example."))
    for handle, cost in enumerate((0.0, 2.5, 40.0)):
        line.line._answer(handle)(reply._replace(cost=cost))
    heard = [parse_reply(message) for message in await line.say()]
    assert [0.0, 2.5, 40.0] == [one.cost for one in heard]
    assert {reply} == {one._replace(cost=0.0) for one in heard}


@pytest.fixture
def crossed() -> Counter53:
    """Two households have asked for thirty names each, where one is asked for at a time."""
    front = Counter53(credits=1)
    for number in range(30):
        for address in ("127.0.0.1", "127.0.0.2"):
            front.ask(
                dns.message.make_query(f"n{number}.example", "A" if address[-1] == "1" else "AAAA"), address=address
            )
    return front


def served(front: Counter53, cost: dict[bytes, float], times: int) -> list[bytes]:
    """Whose questions were let in, if an answer costs that of each."""
    order: list[bytes] = []
    for _ in range(times):
        flight: Flight = front.port.queries[-1]
        order.append(flight.household)
        front.reply(flight, answer(flight.key.question)._replace(cost=cost[flight.household]))
        front.desk.grant(1, START)
    return order


@pytest.mark.parametrize(("dear", "shares"), [(1.0, (10, 10)), (0.0, (10, 10)), (4.0, (5, 15))])
def test_whoever_asks_for_what_costs_more_has_fewer_questions_let_in(
    crossed: Counter53, dear: float, shares: tuple[int, int]
) -> None:
    one, other = (crossed.client(f"127.0.0.{number}").household for number in (1, 2))
    order = served(crossed, {one: dear, other: 1.0}, 20)
    assert shares == (order.count(one), order.count(other))
