"""The helper of the lists cell: a process for one piece of work that reads what strangers wrote. The supervisor forks it when the
cell asks (`anchorhold/helpers.py`), for who is sealed can make none; it has the folder and no way to a network, and ends with its
work.

Between the two is a stream pair. To the helper: length u32 (little-endian), a `Task` in msgpack, beside it one descriptor
at most; then the texts that the task announces. From it: the lines of `apart.py`. How it ended the supervisor tells the cell.
"""

import asyncio
import contextlib
import errno
import os
import resource
import socket
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import NoReturn

import msgspec

from anchorhold import leash
from anchorhold.cells.rules import HERE, MEMORY, WAKE
from anchorhold.facts import log
from anchorhold.lists.apart import CPU_SECONDS, MAX_SAID, Tell, UnderWay, end_with_parent, keep_within, live
from anchorhold.lists.jobs import Job, digests_of, perform, put_image
from anchorhold.lists.store import Store
from anchorhold.mistakes import EXIT_MISTAKE
from anchorhold.sandbox import Network, SandboxProfile, SandboxRefused, enter
from anchorhold.sandbox.profile import calls
from net import sockets
from net.readiness import READ, readiness
from resolver.edge.listen.batched import RECEIVE, one_by_one

_MOST = 16 * 1024 * 1024
"""Octets that are read at once; local texts, and protected names, are most of it."""


class Task(msgspec.Struct, frozen=True):
    """The work. Where an image goes to is the descriptor beside it. `texts`: digest and octets of local texts, which are in no
    folder and follow in this order."""

    job: Job
    texts: tuple[tuple[str, int], ...]


class Workshop:
    """The cell's end."""

    def __init__(self, ask: Callable[[bool], None]) -> None:
        """`ask` tells the supervisor that a helper is wanted, or none any more; it may raise OSError."""
        self._ask = ask
        self._running: _Running | None = None

    def begin(self, job: Job, image: int, local: Mapping[str, bytes]) -> UnderWay:
        """One at a time. `local`: texts that are in no folder, by their digest. Raises OSError."""
        if self._running is not None:
            raise OSError(errno.EBUSY, "there is other work")
        texts = {digest: local[digest] for digest in digests_of(job) if digest in local}
        running = _Running(job, image, texts, self._stop)
        self._ask(True)
        self._running = running
        return running

    def take(self, endpoint: socket.socket) -> None:
        """There is a helper at the other end of this."""
        if self._running is None:
            endpoint.close()
        else:
            self._running.tell(endpoint)

    def end(self, code: int | None) -> None:
        """It has ended: its exit code, or minus a signal; None: there could be none."""
        running, self._running = self._running, None
        if running is not None:
            running.close(code)

    def _stop(self) -> None:
        with contextlib.suppress(OSError):
            self._ask(False)


class _Running(UnderWay):
    """In a helper that was asked for."""

    def __init__(self, job: Job, image: int, texts: Mapping[str, bytes], stop: Callable[[], None]) -> None:
        super().__init__()
        self._task = Task(job, tuple((digest, len(text)) for digest, text in texts.items()))
        self._texts = texts
        self._image = image
        self._stop = stop
        self._endpoint: socket.socket | None = None
        self._rest = b""
        self._code: int | None = None
        self._wanted = True

    async def _end(self) -> int | None:
        if not self._ended.is_set():
            self._wanted = False
            self._stop()
            await self._ended.wait()
        return self._code

    def tell(self, endpoint: socket.socket) -> None:
        """What is to be done. What came of it is heard from then on."""
        if not self._wanted:
            # By now the descriptor of the image may be something else.
            endpoint.close()
            return
        self._endpoint = endpoint
        readiness(asyncio.get_running_loop()).watch(endpoint.fileno(), READ, self._readable)
        body = msgspec.msgpack.encode(self._task)
        # One that is gone has ended, and that is told elsewhere. Waiting, for who began just now does little but read.
        with contextlib.suppress(OSError):
            head = len(body).to_bytes(4, "little")
            socket.send_fds(endpoint, [head], [self._image] if self._image >= 0 else [])
            for data in (body, *self._texts.values()):
                rest = memoryview(data)
                while rest:
                    rest = rest[endpoint.send(rest) :]

    def close(self, code: int | None) -> None:
        """It has ended, so all that it said is there."""
        while self._hear():
            pass
        self._hang_up()
        self._code = code
        self._ended.set()

    def _readable(self, _events: int) -> None:
        self._hear()

    def _hear(self) -> bool:
        """Take what it said; whether there may be more just now."""
        if self._endpoint is None:
            return False
        try:
            data = self._endpoint.recv(65_536, sockets.NOW)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._hang_up()
            return False
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            self._take(line)
        return True

    def _take(self, line: bytes) -> None:
        self._octets += len(line)
        if self._octets > MAX_SAID:
            self._stop()
            return
        with contextlib.suppress(ValueError):
            self._say(line)

    def _hang_up(self) -> None:
        if self._endpoint is not None:
            readiness(asyncio.get_running_loop()).watch(self._endpoint.fileno(), 0)
            self._endpoint.close()
            self._endpoint = None


# the helper's end

PROFILE = SandboxProfile(
    "workshop",
    calls=(
        *calls("recvfrom", RECEIVE, "close"),
        *HERE,
        # What it says.
        *calls("write"),
        *MEMORY,
        *WAKE,
        *calls("exit_group"),
    ),
    network=Network.NONE,
    connect=(),
    folder=True,
    descriptors=64,
)
"""No process is made and no socket, no descriptor leaves."""


def run(endpoint: int, folder: int) -> NoReturn:
    """The helper's whole life; forked by the supervisor only."""
    os.umask(0o077)
    keep_within({endpoint, folder, *leash.worn()})
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    cell = one_by_one(socket.socket(fileno=endpoint))

    def settle() -> None:
        # Whoever becomes another user takes this back.
        end_with_parent()
        os.fchdir(folder)

    try:
        enter(PROFILE, settle=settle, folder=folder)
    except SandboxRefused as error:
        log("lists", f"what reads lists cannot be shut in, and so reads none: {error}")
        sys.exit(EXIT_MISTAKE)
    live(partial(_work, cell, Store(folder, here=True)), endpoint, lambda: None)


def _work(cell: socket.socket, store: Store, tell: Tell) -> object:
    # What comes with a descriptor does not wait; this does.
    cell.recv(1, socket.MSG_PEEK)
    head, descriptors, _, _ = socket.recv_fds(cell, 4, 1)
    task = msgspec.msgpack.decode(_octets(cell, int.from_bytes(head, "little")), type=Task)
    texts = {digest: _octets(cell, octets) for digest, octets in task.texts}
    put = partial(put_image, store, descriptors[0] if descriptors else -1)
    return msgspec.to_builtins(perform(task.job, partial(_text, texts, store), put, tell))


def _octets(cell: socket.socket, left: int) -> bytes:
    pieces = []
    while left:
        pieces.append(piece := cell.recv(min(left, _MOST)))
        if not piece:
            raise EOFError
        left -= len(piece)
    return b"".join(pieces)


def _text(local: dict[str, bytes], store: Store, digest: str) -> bytes:
    return local[digest] if digest in local else store.text(digest)
