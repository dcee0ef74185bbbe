"""What is collected and was not closed, in a cell that is sealed: a mistake of ours, but no end. Python asks each socket for its
text before it warns, and that asks the kernel for addresses, which no cell may."""

import asyncio
import gc
import os
import signal
import socket
import ssl
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import replace

import pytest
from kit.children import ended
from kit.meeting import LOOPS
from kit.profiles import FILTERED, LINUX

from anchorhold.facts import divert
from anchorhold.mistakes import log_mistakes
from anchorhold.sandbox import SandboxProfile, enter, preload

pytestmark = LINUX

CELLS = ("front", "front in batches", "secure", "resolver", "resolver on uvloop", "dhcp", "keeper", "lists")
EACH = pytest.mark.parametrize("cell", CELLS)
Left = list[object]


class Ring:
    """Goes with the next collection and not before, as what a task leaves behind does."""

    def __init__(self, held: object) -> None:
        self.held, self.itself = held, self


def sockets() -> Left:
    """Of each kind that there is, connected and not."""
    pair = socket.socketpair()
    udp = socket.socket(type=socket.SOCK_DGRAM)
    udp.connect(("127.0.0.1", 9))
    listening = socket.create_server(("127.0.0.1", 0))
    connected = socket.create_connection(listening.getsockname())
    context = ssl.create_default_context()
    context.check_hostname = False
    tls = context.wrap_socket(socket.create_connection(listening.getsockname()), do_handshake_on_connect=False)
    return [*pair, udp, listening, connected, tls, socket.socket(socket.AF_INET6)]


def transports(loop: asyncio.AbstractEventLoop) -> Left:
    """Of a loop: over TCP, TLS that is not shaken yet, and UDP. With sockets that are there, for to find names takes threads."""
    listening = socket.create_server(("127.0.0.1", 0))

    def connected(kind: socket.SocketKind) -> socket.socket:
        made = socket.socket(type=kind)
        made.connect(listening.getsockname())
        made.setblocking(False)
        return made

    async def opened() -> Left:
        plain, _ = await loop.create_connection(asyncio.Protocol, sock=connected(socket.SOCK_STREAM))
        udp, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, sock=connected(socket.SOCK_DGRAM))
        tls = loop.create_connection(
            asyncio.Protocol, sock=connected(socket.SOCK_STREAM), ssl=ssl.create_default_context(), server_hostname="x"
        )
        task = loop.create_task(tls)
        await asyncio.sleep(0)
        return [plain, udp, task, listening]

    return loop.run_until_complete(opened())


def collect_within(profile: SandboxProfile, make: Callable[[], Left]) -> int:
    """How a child ends that is sealed while it holds what `make` gives, and then loses it."""

    def body() -> None:
        preload()
        left = [Ring(one) for one in make()]
        said: list[bytes] = []
        log_mistakes(profile.name)
        divert(said.append)
        warnings.simplefilter("always")
        enter(replace(profile, user="nobody"), folder=folder)
        left.clear()
        gc.collect()
        assert any(b"a mistake of ours: ResourceWarning at " in line for line in said)

    with tempfile.TemporaryDirectory(prefix="anchorhold-unclosed-") as empty:
        os.chmod(empty, 0o755)
        folder = os.open(empty, os.O_RDONLY | os.O_DIRECTORY) if profile.folder else -1
        try:
            return ended(body)
        finally:
            if folder >= 0:
                os.close(folder)


@EACH
def test_a_socket_that_nobody_closed_ends_no_cell(cell: str) -> None:
    assert 0 == collect_within(FILTERED[cell], sockets)


WITH_TRANSPORTS = {"resolver": "asyncio", "lists": "asyncio", "resolver on uvloop": "uvloop"}


@pytest.mark.parametrize("cell", [cell for cell, loop in WITH_TRANSPORTS.items() if loop in LOOPS])
def test_a_transport_that_nobody_closed_ends_no_cell(cell: str) -> None:
    assert 0 == collect_within(FILTERED[cell], lambda: transports(LOOPS[WITH_TRANSPORTS[cell]]()))


def test_without_what_is_done_about_it_the_cell_ends() -> None:
    """Else all of the above proves nothing."""

    def body() -> None:
        preload()
        left = [Ring(one) for one in sockets()]
        divert(lambda _line: None)
        enter(replace(FILTERED["resolver"], user="nobody"))
        left.clear()
        gc.collect()

    assert -signal.SIGSYS == ended(body)
