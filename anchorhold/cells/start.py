"""How every cell begins: it takes from the supervisor what it needs, until START; and how it ends."""

import asyncio
import contextlib
import gc
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

from anchorhold.facts import log
from anchorhold.link import LinkMessage, LinkType, receive_message, send_message
from anchorhold.mistakes import EXIT_MISTAKE, loop_mistake, place_of
from anchorhold.roster import said
from anchorhold.sandbox import SandboxRefused, standing
from anchorhold.sandbox.libc import system_call
from wire.errors import Malformed

EXIT_PROTOCOL = 70
"""Exit code of a cell whose supervisor sent what does not decode."""
EXIT_CREDENTIALS = 72
"""Exit code of a process that cannot use the certificate and key it was given; the log says why."""
EXIT_MEMORY = 73
"""Exit code of a cell that came up against its ceiling of memory (RLIMIT_DATA)."""
NO_MEMORY = "no memory is left below its ceiling; it ends, and the next one begins with empty caches"
COLLECT_EVERY = 10_000
"""Objects made and not yet freed after which Python looks for cycles; its own 700 costs the resolver a tenth of all work. Caches
only ever grow, leases stay, and next to nothing is cyclic."""

SHORT_TURN = 100_000
"""Nanoseconds: the least that Linux grants (sched(7))."""
COURTESY = 3
"""By how much a process is nicer (nice(2)) that makes answers than those that give them out: half of their weight."""
_ATTRIBUTES = struct.Struct("=IIQiIQQQ")
"""A sched_attr (sched_setattr(2)): size, policy, flags, nice, priority, runtime, deadline, period."""


def receive_until_start(link: socket.socket, take: Callable[[LinkMessage], None]) -> int:
    """Give every message to `take` until START comes; how often the cell was restarted.

    Raises Malformed. Ends the process, quietly, if the supervisor is gone.
    """
    while True:
        message = receive_message(link)
        if message is None:
            raise SystemExit(0)
        if message.type is LinkType.END:
            raise SystemExit(0)
        if message.type is LinkType.START:
            return int.from_bytes(message.body[:4], "little")
        take(message)


def hear(link: socket.socket, end: Callable[[], None]) -> LinkMessage | None:
    """What the supervisor says to a cell that serves, if it says anything; `end` is called if it is gone. Raises Malformed."""
    try:
        message = receive_message(link)
    except BlockingIOError:
        return None
    if message is None:
        end()
    return message


def tell_sealed(link: socket.socket) -> None:
    """Tell the supervisor what is in force for this process, for operators; the log says it too, and what is missing."""
    found = standing()
    if found is None:
        return
    log(found.name, found.words)
    send_message(link, LinkType.SEALED, said(found).encode())


_told: list[socket.socket] = []
"""Whom this process told how it is sealed."""


def tell_ready(link: socket.socket, generation: int) -> None:
    """Tell the supervisor that the settings of this generation are in force; the first time, what is in force for us, too."""
    if not _told:
        _told.append(link)
        tell_sealed(link)
    send_message(link, LinkType.READY, generation.to_bytes(4, "little"))


def collect_seldom() -> None:
    """What is loaded by now stays, and of what comes little is for Python to look through."""
    gc.freeze()
    gc.set_threshold(COLLECT_EVERY)


def take_descriptors() -> None:
    """As many as this process may have: the usual 1,024 are meant for programs that use select(2)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def take_short_turns() -> None:
    """From now on a turn of this process on a processor is short, and so it has it sooner: an answer that is there already does
    not wait until others have had their longer turns. Its share stays what it is. Linux from 6.12 on; elsewhere nothing
    changes, nor where one may not even ask (a unit's filter; musl has no sched_getscheduler)."""
    if not hasattr(os, "sched_getscheduler"):
        return
    with contextlib.suppress(OSError):
        if os.sched_getscheduler(0) == os.SCHED_OTHER:
            nice = os.getpriority(os.PRIO_PROCESS, 0)
            attributes = _ATTRIBUTES.pack(_ATTRIBUTES.size, os.SCHED_OTHER, 0, nice, 0, SHORT_TURN, 0, 0)
            system_call("sched_setattr", 0, attributes, 0)


def give_way() -> None:
    """From now on this process has of a processor what others of ours leave of it, or half of what one of them has: answers
    that are there do not wait for work on those that are not."""
    with contextlib.suppress(OSError):
        os.nice(COURTESY)


def ignore_terminal_signals() -> None:
    """Reload, Ctrl-C and SIGTERM are the supervisor's business; a cell is told to end over the link."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


_reserve: list[object] = []
"""Memory for the last words; pages that nobody writes to cost nothing."""
LAST_WORDS = 2 * 1024 * 1024
"""Octets: two of the pieces that Python asks for at once."""


def keep_last_words() -> None:
    """Memory for them, from where memory comes from now on: it is given back by the same way."""
    _reserve[:] = [bytes(LAST_WORDS)]


def end_without_memory(name: str) -> NoReturn:
    """The process ends here and now: whatever else it did might want memory, and what was half done is not gone on with. Whoever
    asked it is told by the end of its sockets, and asks the next one."""
    _reserve.clear()
    with contextlib.suppress(MemoryError):
        log(name, NO_MEMORY)
    os._exit(EXIT_MEMORY)


def watch_memory(loop: asyncio.AbstractEventLoop, name: str) -> None:
    """Where a loop would log that there was no memory and go on, the process ends."""

    def handle(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if isinstance(context.get("exception"), MemoryError):
            end_without_memory(name)
        else:
            loop_mistake(name, context)

    loop.set_exception_handler(handle)


def run_guarded(name: str, body: Callable[[], int]) -> None:
    """Run the cell and exit with its code; nonsense from the supervisor is logged and ends it, and so does a mistake of ours: of
    what kind and where, but without the words of the exception, which may be a client's name or address."""
    keep_last_words()
    try:
        code = body()
    except Malformed as error:
        log(name, f"the supervisor sent what does not decode: {error}")
        code = EXIT_PROTOCOL
    except SandboxRefused as error:
        log(name, f"cannot be shut in, and so does not serve: {error}")
        code = EXIT_MISTAKE
    except MemoryError:
        end_without_memory(name)
    except Exception as error:
        log(name, f"ends by a mistake of ours: {place_of(error)}")
        code = EXIT_MISTAKE
    sys.exit(code)


async def end_after(name: str, life: Awaitable[int]) -> NoReturn:
    """The end of a process whose loop is not to be closed in good order: that does much that nobody needs any more."""
    try:
        code = await life
    except SandboxRefused:
        raise
    except Malformed as error:
        log(name, f"the supervisor sent what does not decode: {error}")
        code = EXIT_PROTOCOL
    except MemoryError:
        end_without_memory(name)
    except Exception as error:
        log(name, f"ends by a mistake of ours: {place_of(error)}")
        code = EXIT_MISTAKE
    os._exit(code)


def end_at_once(name: str, body: Callable[[], int]) -> None:
    """As `run_guarded`, and it ends by exit_group(2) and nothing else: what Python does at an exit, and for sockets that nobody
    closed, takes system calls that the cell may not make."""
    try:
        run_guarded(name, body)
    except SystemExit as ended:
        os._exit(ended.code if isinstance(ended.code, int) else 1)
