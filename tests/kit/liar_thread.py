"""A liar in a thread with an event loop of its own, for tests that run whole processes."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kit.liar import Liar, Lie


@contextmanager
def liar_at(scheme: str, certificate: str = "good", *script: Lie, **more: Any) -> Iterator[Liar]:
    """An honest one if `script` is empty; `more` as `Liar` takes it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    liar = Liar(scheme, *script, certificate=certificate, **more)
    asyncio.run_coroutine_threadsafe(liar.__aenter__(), loop).result(60)
    try:
        yield liar
    finally:
        asyncio.run_coroutine_threadsafe(liar.stop(), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
