"""A relay of datagrams before a server over UDP: keeps what passes, and loses, doubles or swaps what it is told to."""

import asyncio
from collections.abc import Callable
from enum import Enum

Addr = tuple[str, int]


class Fate(Enum):
    """What becomes of a datagram."""

    PASS = 1
    LOSE = 0
    DOUBLE = 2
    SWAP = 3  # kept until the next one of its direction has passed


Decide = Callable[[bool, int], Fate]
"""(towards the server?, its number in that direction) → fate."""


class Relay(asyncio.DatagramProtocol):
    """At 127.0.0.1, in the running loop. `heard` is what clients sent, `told` what the server sent, lost ones included."""

    def __init__(self, target: int, decide: Decide = lambda upwards, number: Fate.PASS) -> None:
        self._target = ("127.0.0.1", target)
        self.decide = decide
        self.heard: list[bytes] = []
        self.told: list[bytes] = []
        self.lost = 0
        self.port = 0
        self._far: dict[Addr, asyncio.DatagramTransport] = {}
        self._kept: dict[object, list[Callable[[], None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> "Relay":
        loop = asyncio.get_running_loop()
        self._near, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self.port = self._near.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self.hang_up()
        for _ in range(3):
            await asyncio.sleep(0)

    def hang_up(self) -> None:
        """Nobody is at its port any more."""
        for task in self._tasks:
            task.cancel()
        for transport in (self._near, *self._far.values()):
            transport.abort()

    def datagram_received(self, data: bytes, addr: Addr) -> None:  # type: ignore[override]
        self.heard.append(data)
        fate = self.decide(True, len(self.heard))
        task = asyncio.get_running_loop().create_task(self._up(data, addr, fate))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _up(self, data: bytes, addr: Addr, fate: Fate) -> None:
        async with self._opening:  # a client's first flight may be two datagrams
            if addr not in self._far:
                back = _Back(self, addr)
                loop = asyncio.get_running_loop()
                self._far[addr], _ = await loop.create_datagram_endpoint(lambda: back, remote_addr=self._target)
        far = self._far[addr]
        self.pass_on(fate, addr, lambda: far.sendto(data))

    def back(self, data: bytes, addr: Addr) -> None:
        self.told.append(data)
        self.pass_on(self.decide(False, len(self.told)), (addr,), lambda: self._near.sendto(data, addr))

    def pass_on(self, fate: Fate, lane: object, send: Callable[[], None]) -> None:
        if fate is Fate.SWAP:
            self._kept.setdefault(lane, []).append(send)
            return
        self.lost += fate is Fate.LOSE
        for _ in range(fate.value):
            send()
        for late in self._kept.pop(lane, []):
            late()


class _Back(asyncio.DatagramProtocol):
    def __init__(self, relay: Relay, addr: Addr) -> None:
        self.relay, self.addr = relay, addr

    def datagram_received(self, data: bytes, addr: Addr) -> None:  # type: ignore[override]
        self.relay.back(data, self.addr)

    def error_received(self, exc: Exception) -> None:
        """Nobody is there: the client finds out by itself."""
