"""The helper of the lists cell: a process that was forked before the cell was sealed, and forks one more for each piece of work.
So the cell, which talks to strangers, can make no process and end none, and who reads what they wrote has no way to a network.

Between the two is a stream pair. To the helper: length u32 (little-endian), a message in msgpack, and beside it at most one
descriptor. From it: the lines of `apart.py`, written by the work itself, and at its end `e` and its status (wait(2)).
"""

import asyncio
import contextlib
import os
import select
import signal
import socket
from functools import partial

import msgspec

from anchorhold import snapshot
from anchorhold.cells.rules import HERE, MEMORY, SNAPSHOT, WAKE
from anchorhold.lists.apart import (
    MAX_SAID,
    PR_SET_PDEATHSIG,
    UnderWay,
    end_with_parent,
    keep_within,
    live,
    write_line,
)
from anchorhold.lists.jobs import Job, perform, put_image
from anchorhold.lists.settings import ListsSettings
from anchorhold.lists.store import Store
from anchorhold.lists.workshop import digest_of
from anchorhold.sandbox import SandboxProfile, Standing, seal
from anchorhold.sandbox.profile import Rule, calls, exactly
from net import sockets
from net.readiness import READ, readiness

_ENDED = b"e"
_FORK = 0x0120_0011
"""CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | SIGCHLD (linux/sched.h)."""
_MOST = 16 * 1024 * 1024
"""Octets of a message; protected names are most of it."""


class Texts(msgspec.Struct, frozen=True, tag=True):
    """The descriptor beside it holds settings, whose local texts are used from now on."""


class Do(msgspec.Struct, frozen=True, tag=True):
    """Begin this. The descriptor beside it is where an image goes to."""

    job: Job


class Stop(msgspec.Struct, frozen=True, tag=True):
    """End what is done; nothing if nothing is."""


Message = Texts | Do | Stop


class Workshop:
    """The cell's end."""

    def __init__(self, endpoint: socket.socket) -> None:
        self._endpoint = endpoint
        self._rest = b""
        self._running: _Running | None = None
        self.gone = asyncio.Event()
        """Set when the helper is no more; then nothing can be done, and the cell is to end."""
        readiness(asyncio.get_running_loop()).watch(endpoint.fileno(), READ, self._readable)

    def use(self, descriptor: int) -> None:
        """Settings for the helper, too."""
        self._send(Texts(), descriptor)

    def begin(self, job: Job, image: int) -> "_Running":
        """One at a time. Raises OSError."""
        self._send(Do(job), image)
        self._running = _Running(self)
        return self._running

    def stop(self) -> None:
        """What is done is to end."""
        with contextlib.suppress(OSError):
            self._send(Stop())

    def _send(self, message: Message, descriptor: int = -1) -> None:
        body = msgspec.msgpack.encode(message)
        data = memoryview(len(body).to_bytes(4, "little") + body)
        # Waiting, for the helper does little but read.
        sent = socket.send_fds(self._endpoint, [data], [] if descriptor < 0 else [descriptor])
        while sent < len(data):
            sent += self._endpoint.send(data[sent:])

    def _readable(self, _events: int) -> None:
        try:
            data = self._endpoint.recv(65_536, sockets.NOW)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            readiness(asyncio.get_running_loop()).watch(self._endpoint.fileno(), 0)
            self.gone.set()
            if self._running is not None:
                self._running.lose()
            return
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            if self._running is not None:
                self._running.take(line)


class _Running(UnderWay):
    """In a copy of the helper."""

    def __init__(self, workshop: Workshop) -> None:
        super().__init__()
        self._workshop = workshop
        self._status = -1

    async def _end(self) -> int:
        if not self._ended.is_set():
            self._workshop.stop()
            await self._ended.wait()
        return self._status

    def lose(self) -> None:
        """The helper is gone, and with it the work."""
        self._ended.set()

    def take(self, line: bytes) -> None:
        """One line."""
        self._octets += len(line)
        if line[:1] == _ENDED:
            self._status = int(line[1:])
            self._ended.set()
        elif self._octets > MAX_SAID:
            self._workshop.stop()
        else:
            # Half a line is nothing.
            with contextlib.suppress(ValueError):
                self._say(line)


# the helper's end

PROFILE = SandboxProfile(
    "workshop",
    calls=(
        *calls("recvmsg", "pselect6", "close"),
        *HERE,
        # What it says.
        *calls("write"),
        *MEMORY,
        *SNAPSHOT,
        *WAKE,
        # fork(2) as the C library and Python do it, and to end a copy.
        Rule("clone", (exactly(0, _FORK),)),
        *calls("rt_sigprocmask", "gettid", "set_robust_list", "getrandom", "getpid", "wait4", "pidfd_open"),
        Rule("kill", (exactly(1, signal.SIGKILL),)),
        Rule("prctl", (exactly(0, PR_SET_PDEATHSIG),)),
        *calls("exit_group"),
    ),
    folder=True,
    descriptors=64,
)
"""Of the helper and of the work alike: no socket is made, no descriptor leaves. What the cell gave up before it forked them
they do not have either: its user, folder, network and Landlock are theirs."""


def start(folder: int, profile: SandboxProfile) -> socket.socket:
    """Fork the helper, before the filter of the cell; the cell's end. `profile`: PROFILE, `completed`. Raises OSError."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            ours.detach()
            keep_within({2, folder, theirs.fileno()})
            end_with_parent()
            seal(profile, Standing(profile.name, str(os.geteuid())))
            Helper(theirs, folder).serve()
            code = 0
        finally:
            os._exit(code)
    theirs.close()
    return ours


class Helper:
    """The process; `serve` is all its life."""

    def __init__(self, endpoint: socket.socket, folder: int) -> None:
        self._endpoint = endpoint
        self._folder = folder
        self._texts: dict[str, bytes] = {}

    def serve(self) -> None:
        """Until the cell is gone."""
        while (came := self._read()) is not None:
            message, descriptor = came
            match message:
                case Texts():
                    self._use(descriptor)
                case Do(job):
                    self._do(job, descriptor)
                case Stop():
                    pass
            if descriptor >= 0:
                os.close(descriptor)

    def _use(self, descriptor: int) -> None:
        settings = snapshot.load(descriptor, ListsSettings, snapshot.MAX_LISTS)
        self._texts = {digest_of(source.text): source.text for source in settings.sources if not source.url}

    def _do(self, job: Job, image: int) -> None:
        out = self._endpoint.fileno()
        pid = os.fork()
        if pid == 0:
            store = Store(self._folder, here=True)
            texts = partial(_text, self._texts, store)
            put = partial(put_image, store, image)
            live(lambda tell: msgspec.to_builtins(perform(job, texts, put, tell)), out, end_with_parent)
        ended = os.pidfd_open(pid)
        try:
            self._wait(pid, ended)
        finally:
            os.close(ended)
        status = os.waitpid(pid, 0)[1]
        # What was killed may have left half a line; and the cell may be gone.
        with contextlib.suppress(OSError):
            write_line(out, b"\n" + _ENDED + str(status).encode() + b"\n")

    def _wait(self, pid: int, ended: int) -> None:
        """Until it has ended. The cell may want that sooner, or be gone."""
        listening = [self._endpoint.fileno()]
        while ended not in select.select([ended, *listening], [], [])[0]:
            came = self._read()
            match came:
                case None:
                    os.kill(pid, signal.SIGKILL)
                    listening = []
                case Stop(), _:
                    os.kill(pid, signal.SIGKILL)
                case Texts(), descriptor:
                    self._use(descriptor)
                    os.close(descriptor)
                case _:
                    raise OSError("work while there is work")

    def _read(self) -> tuple[Message, int] | None:
        try:
            head, descriptors, _, _ = socket.recv_fds(self._endpoint, 4, 1)
            if len(head) < 4:
                return None
            left, pieces = int.from_bytes(head, "little"), list[bytes]()
            while left:
                pieces.append(piece := self._endpoint.recvmsg(min(left, _MOST))[0])
                if not piece:
                    return None
                left -= len(piece)
        except OSError:
            return None
        return msgspec.msgpack.decode(b"".join(pieces), type=Message), descriptors[0] if descriptors else -1


def _text(local: dict[str, bytes], store: Store, digest: str) -> bytes:
    return local[digest] if digest in local else store.text(digest)
