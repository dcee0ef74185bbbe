"""A door that only so many may be behind: turns in order, patience, and nobody's place is lost."""

import asyncio
from collections.abc import Awaitable, Callable

from resolver.edge.gate import MAX_WAITING, Gate
from wire.units import Seconds

LONG, NONE = Seconds(30.0), Seconds(0.0)


def at_most(number: int) -> Callable[[], int]:
    return lambda: number


def run(test: Callable[[Gate], Awaitable[None]]) -> None:
    async def main() -> None:
        await test(Gate())

    asyncio.run(main())


def test_as_many_as_may_go_in_and_the_next_waits_its_turn() -> None:
    async def test(gate: Gate) -> None:
        assert [True, True] == [await gate.enter("a", at_most(2), LONG) for _ in range(2)]
        third = asyncio.create_task(gate.enter("a", at_most(2), LONG))
        await asyncio.sleep(0)
        assert (False, 2) == (third.done(), gate.inside("a"))
        gate.leave("a")
        assert await third
        assert 2 == gate.inside("a")

    run(test)


def test_who_has_no_patience_is_turned_away_and_takes_no_place() -> None:
    async def test(gate: Gate) -> None:
        assert await gate.enter("a", at_most(1), LONG)
        assert not await gate.enter("a", at_most(1), NONE)
        gate.leave("a")
        assert 0 == gate.inside("a")
        assert await gate.enter("a", at_most(1), LONG)

    run(test)


def test_doors_are_apart() -> None:
    async def test(gate: Gate) -> None:
        assert await gate.enter("a", at_most(1), LONG)
        assert await gate.enter("b", at_most(1), NONE)

    run(test)


def test_who_is_ended_while_waiting_leaves_the_turn_to_the_next() -> None:
    async def test(gate: Gate) -> None:
        await gate.enter("a", at_most(1), LONG)
        first, second = (asyncio.create_task(gate.enter("a", at_most(1), LONG)) for _ in range(2))
        await asyncio.sleep(0)
        gate.leave("a")
        first.cancel()  # its turn had come, and it never knew
        await asyncio.gather(first, return_exceptions=True)
        assert await second
        gate.leave("a")
        assert 0 == gate.inside("a")

    run(test)


def test_the_line_is_bounded() -> None:
    async def test(gate: Gate) -> None:
        await gate.enter("a", at_most(1), LONG)
        waiting = [asyncio.create_task(gate.enter("a", at_most(1), LONG)) for _ in range(MAX_WAITING)]
        await asyncio.sleep(0)
        assert not await gate.enter("a", at_most(1), LONG)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    run(test)


def test_never_more_inside_than_may_be_whatever_happens() -> None:
    async def test(gate: Gate) -> None:
        most = 0

        async def visit(number: int) -> None:
            nonlocal most
            if await gate.enter("a", at_most(3), LONG if number % 3 else NONE):
                most = max(most, gate.inside("a"))
                for _ in range(number % 4):
                    await asyncio.sleep(0)
                gate.leave("a")

        await asyncio.gather(*(visit(number) for number in range(200)))
        assert (3, 0) == (most, gate.inside("a"))

    run(test)


async def _waiting(gate: Gate, limit: Callable[[], int], count: int) -> list[asyncio.Task[bool]]:
    tasks = [asyncio.create_task(gate.enter("a", limit, LONG)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


def test_a_limit_that_falls_holds_for_those_who_wait_already() -> None:
    async def test(gate: Gate) -> None:
        limit = [16]
        tasks = await _waiting(gate, lambda: limit[0], 40)
        limit[0] = 2  # nobody answered: the server is held for dead
        for _ in range(15):
            gate.leave("a")
        await asyncio.sleep(0)
        assert (2, 17) == (gate.inside("a"), sum(task.done() for task in tasks))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run(test)


def test_a_limit_that_rises_lets_all_in_for_whom_there_is_room() -> None:
    async def test(gate: Gate) -> None:
        limit = [2]
        tasks = await _waiting(gate, lambda: limit[0], 8)
        limit[0] = 6  # it answered
        gate.leave("a")
        await asyncio.sleep(0)
        assert (6, 7) == (gate.inside("a"), sum(task.done() for task in tasks))
        assert not await gate.enter("a", lambda: limit[0], NONE)  # whoever comes later goes to the end of the line
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run(test)


def test_no_door_is_left_when_all_have_gone() -> None:
    async def test(gate: Gate) -> None:
        tasks = await _waiting(gate, at_most(2), 6)
        tasks[5].cancel()
        for _ in range(5):
            gate.leave("a")
            await asyncio.sleep(0)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert {} == gate._doors

    run(test)
