"""net.readiness: sockets that are read once, timers that are nearly always given up."""

import asyncio
import gc
import select
import socket
import weakref

import pytest
from kit.meeting import LOOPS
from kit.virtual import run_virtually

from net import readiness as module
from net.readiness import AT_ONCE, READ, Readiness, readiness


def pairs(count: int) -> list[tuple[socket.socket, socket.socket]]:
    return [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(count)]


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize("kind", sorted(LOOPS))
@pytest.mark.parametrize("kernel", ["epoll", "none"])
def test_who_is_ready_is_told_and_who_was_forgotten_is_not(
    kind: str, kernel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kernel == "none":
        monkeypatch.delattr(select, "epoll")

    async def body() -> None:
        ours = Readiness()
        heard: list[int] = []
        ends = pairs(2 * AT_ONCE)
        for number, (near, _) in enumerate(ends):
            ours.watch(near.fileno(), READ, lambda _, number=number, near=near: heard.append((number, near.recv(9))[0]))
        for near, _ in ends[::2]:
            ours.forget(near.fileno())
        for _, far in ends:
            far.send(b"x")
        async with asyncio.timeout(60):
            while len(heard) < AT_ONCE:
                await asyncio.sleep(0)
        assert sorted(heard) == list(range(1, 2 * AT_ONCE, 2))
        for near, far in ends:
            ours.forget(near.fileno())
            near.close()
            far.close()

    with asyncio.Runner(loop_factory=LOOPS[kind]) as runner:
        runner.run(body())


def test_a_number_that_another_socket_has_by_now_tells_of_that_one() -> None:
    async def body() -> None:
        ours, heard = Readiness(), []
        (near, far), (other, its_far) = pairs(2)
        ours.watch(near.fileno(), READ, lambda _: heard.append("former"))
        far.send(b"x")
        number = near.fileno()
        ours.forget(number)
        near.close()
        again, its_end = pairs(1)[0]
        assert again.fileno() == number
        ours.watch(number, READ, lambda _: heard.append(again.recv(9)))
        its_end.send(b"new")
        await turns(5)
        assert heard == [b"new"]
        for one in (far, other, its_far, again, its_end):
            one.close()

    asyncio.run(body())


def test_one_who_ends_another_in_the_same_turn_is_not_followed_by_it() -> None:
    async def body() -> None:
        ours, heard = Readiness(), []
        ends = pairs(2)

        def act(which: int) -> None:
            heard.append(which)
            for near, _ in ends:
                ours.forget(near.fileno())

        for which, (near, far) in enumerate(ends):
            ours.watch(near.fileno(), READ, lambda _, which=which: act(which))
            far.send(b"x")
        await turns(5)
        assert len(heard) == 1
        for near, far in ends:
            near.close()
            far.close()

    asyncio.run(body())


def test_those_who_wait_are_called_in_their_time_and_those_who_gave_up_are_not() -> None:
    async def body() -> list[tuple[str, float]]:
        ours, loop = Readiness(), asyncio.get_running_loop()
        called: list[tuple[str, float]] = []
        start = loop.time()

        def say(what: str) -> None:
            called.append((what, round(loop.time() - start, 3)))

        ours.after(0.8, lambda: say("first")).cancel()
        second = ours.after(0.8, lambda: say("second"))
        ours.after(2.0, lambda: say("slow"))
        await asyncio.sleep(0.5)
        ours.after(0.8, lambda: say("third"))
        gone = ours.after(0.8, lambda: say("never"))
        ours.after(0.8, lambda: (say("last"), gone.cancel())[0])
        await asyncio.sleep(0.4)
        second.cancel()
        gone.cancel()
        await asyncio.sleep(3)
        ours.after(0.8, lambda: say("much later"))
        await asyncio.sleep(1)
        return called

    expected = [("second", 0.8), ("third", 1.3), ("last", 1.3), ("slow", 2.0), ("much later", 4.7)]
    assert run_virtually(body()) == expected


def test_one_of_a_row_that_is_given_up_by_another_at_the_same_time_is_not_called() -> None:
    async def body() -> list[str]:
        ours, called = Readiness(), list[str]()
        both = [ours.after(0.8, lambda: (called.append("one"), both[1].cancel())[0])]
        both.append(ours.after(0.8, lambda: called.append("two")))
        await asyncio.sleep(1)
        return called

    assert run_virtually(body()) == ["one"]


def test_it_ends_with_its_loop() -> None:
    async def body() -> "weakref.ref[Readiness]":
        ours = readiness(asyncio.get_running_loop())
        assert readiness(asyncio.get_running_loop()) is ours
        return weakref.ref(ours)

    left = asyncio.run(body())
    gc.collect()
    assert left() is None
    assert not [loop for loop in module._ALL if loop.is_closed()]
