"""A resolver that makes mistakes of four kinds when it is asked for certain names, for tests of what is told of them."""

import asyncio
import socket
import warnings
from typing import Any

from kit.stumbling_front import SECRET, Restless

from anchorhold.cells import resolver
from resolver.edge.resolve import Resolver
from resolver.values import Query


async def fail() -> None:
    raise LookupError(SECRET)


def run(link: socket.socket) -> None:
    """As of the cell that it stands for."""
    ask = Resolver.ask

    def stumble(self: Resolver, query: Query, *rest: Any) -> None:
        if b"\x04fall" in query.key:
            try:
                raise KeyError(SECRET)
            except KeyError as error:
                raise ValueError(f"{SECRET} at 192.0.2.7") from error
        if b"\x04task" in query.key:
            asyncio.get_running_loop().create_task(fail())  # Nobody waits for it, which is the mistake.
        if b"\x04drop" in query.key:
            Restless()
        if b"\x04warn" in query.key:
            warnings.warn(SECRET, RuntimeWarning, stacklevel=1)
        ask(self, query, *rest)

    Resolver.ask = stumble  # type: ignore[method-assign]
    resolver.run(link)
