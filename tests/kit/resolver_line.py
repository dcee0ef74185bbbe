"""The resolver's end of the pair to `front`, with `front`'s socket in the test's hands."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import TypeVar

from kit.world import install, world_of

from anchorhold.cells.desk import FrontLine, Nonsense
from anchorhold.ipc import Inbox, Message
from resolver.edge.resolve import Resolver
from resolver.settings import ResolverSettings


class Line:
    """A resolver with one upstream, which says what `says` gives."""

    def __init__(self, chosen: ResolverSettings, says: Callable[[bytes], object]) -> None:
        world, self.upstreams = world_of(says)
        self.resolver = Resolver(chosen, world, lambda fact: None)
        install(world, self.upstreams)
        self.ended: list[Nonsense | None] = []
        ours, self.front = socket.socketpair()
        self.front.setblocking(False)
        self._inbox = Inbox()
        self.line = FrontLine(ours, self.resolver, 0, self.ended.append)
        self.resolver.changed = self.line.forget
        self.line.start()

    async def say(self, *messages: bytes) -> list[Message]:
        """Send as one write; what came back once both sides are quiet."""
        self.front.sendall(b"".join(messages))
        heard: list[Message] = []
        for _ in range(30):
            await asyncio.sleep(0)
            try:
                heard += self._inbox.feed(self.front.recv(1 << 20))
            except BlockingIOError:
                continue
        return heard

    async def close(self) -> None:
        await self.resolver.close()
        self.line.close()
        self.front.close()


L = TypeVar("L", bound=Line)


def on_line(make: Callable[[], L]) -> Callable[[Callable[[L], Coroutine[None, None, None]]], Callable[[], None]]:
    """A test with a line of its own."""

    def decorate(test: Callable[[L], Coroutine[None, None, None]]) -> Callable[[], None]:
        async def conversation() -> None:
            line = make()
            try:
                await test(line)
            finally:
                await line.close()

        def run() -> None:
            asyncio.run(conversation())

        run.__name__ = test.__name__
        return run

    return decorate
