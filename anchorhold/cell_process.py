"""One cell as the supervisor sees it: a process, a link, its signs of life."""

import os
import socket
import time
from importlib import import_module

from anchorhold.facts import log, pass_on
from anchorhold.forking import Child, describe_exit, fork
from anchorhold.link import LinkMessage, LinkType, nth, open_link, receive_message, send_message
from anchorhold.restarts import CALM, Restarts
from wire.errors import Malformed

START_PATIENCE = 20.0
"""Seconds until READY."""

LEAVE_PATIENCE = 3.0
"""Seconds for a cell that is told to end."""

GONE_PATIENCE = 1.0
"""Seconds for a cell that has closed its link: mostly it has ended already, and the kernel says so in a moment."""

PING_INTERVAL = 1.0
MAX_SILENT_PINGS = 3
"""Unanswered pings after which a cell counts as hung. Counted, not timed: a machine that slept is no hung cell."""


def alike(kind: str, module: str, count: int) -> "tuple[CellProcess, ...]":
    """So many cells of a kind."""
    return tuple(CellProcess(kind, module, number=number, several=count) for number in range(count))


class CellProcess:
    """A cell that is started again and again. `run(link)` of `module` is its whole life."""

    def __init__(
        self, kind: str, module: str, keeps: LinkType | None = None, number: int = 0, several: int = 1
    ) -> None:
        """`keeps`: the kind of message whose descriptors are for who hears it; all others it sends are closed. `number`: which it
        is of `several` of its kind, from 0 on."""
        self.kind = kind
        self.number = number
        self._several = several
        self.name = nth(kind, number)
        self.keeps = keeps
        self.restarts = Restarts()
        self.due: float | None = 0.0
        """When to start it, monotonic seconds; None while it runs."""
        self.link: socket.socket | None = None
        self.ready: int = 0
        """The generation in force there; 0 before the first READY of this life."""
        self.partners: dict[bytes, CellProcess] = {}
        """The other ends of its pairs, by what ACCUSE says of each; ended if this cell accuses them."""
        self.sent: int = 0
        """The newest generation it was given in this life."""
        self.sealed = ""
        """What it said of its rights in this life, unread."""
        self.returns: int = 0
        """The number of deaths after which it was last seen ready again."""
        self.module = module
        self._process: Child | None = None
        self._started = 0.0
        self._served = 0.0
        """Since when it is known to be ready; 0: it is not."""
        self._pinged = 0.0
        self._silent = 0
        self.rests = 0
        """The generation that was in force there when it ended for want of work; 0: it does not rest."""
        self._rest_until = 0.0
        self._leave_until = 0.0
        """When it must have ended that was told to; 0: it was not."""
        self._gone_until = 0.0
        """The same for one that closed its link of itself, once that was noticed."""

    @property
    def pid(self) -> int:
        """0 while there is none."""
        return self._process.pid if self._process else 0

    @property
    def silent(self) -> bool:
        """Whether it left a ping unanswered until the next one."""
        return self.link is not None and self._silent > 1

    def start(self, environment: dict[str, str], now: float) -> None:
        """Start the process; what it needs is sent by the caller, ending with START. Raises OSError."""
        # A cell that does not read must not stop the one that watches it: calls on the link do not wait.
        self.link, theirs = open_link()

        def live() -> int | None:
            theirs.setblocking(True)
            code: int | None = import_module(self.module).run(theirs)
            return code

        with theirs:
            self._process = fork(self.name, live, (theirs.fileno(),), environment)
        self.due = None
        self.ready = self.sent = self.rests = self._silent = 0
        self.sealed = ""
        self._leave_until = self._rest_until = self._gone_until = self._served = 0.0
        self._started = self._pinged = now
        if self._several > 1:
            self.send(LinkType.NUMBER, bytes((self.number, self._several)))

    def send(self, kind: LinkType, body: bytes = b"", descriptors: tuple[int, ...] = ()) -> None:
        """Send one message. A cell that cannot take it is ended; its death is seen later like any other."""
        if self.link is None:
            return
        try:
            send_message(self.link, kind, body, descriptors)
        except ConnectionError:
            # It is gone, or has closed its end: that is heard there too.
            return
        except OSError:
            # One that was told to end listens no more, and still has its goodbyes to say.
            if not self._leave_until:
                self.kill()

    def receive(self) -> LinkMessage | None:
        """What it said, if anything; a cell that says nonsense is ended."""
        if self.link is None:
            return None
        try:
            message = receive_message(self.link)
        except BlockingIOError:
            return None
        except ConnectionError:
            message = None
        except (Malformed, OSError):
            message = None
            if not self._leave_until:
                self.kill()
        if message is None:
            self.hang_up()
            return None
        for descriptor in message.descriptors if message.type is not self.keeps else ():
            os.close(descriptor)
        if message.type is LinkType.READY and len(message.body) == 4:
            self.ready = int.from_bytes(message.body, "little")
        if message.type is LinkType.PING:
            self._silent = 0
        if message.type is LinkType.SEALED:
            self.sealed = message.body.decode("utf-8", "replace")
        if message.type is LinkType.LOG:
            pass_on(self.name, message.body, self.kind)
        if message.type is LinkType.ACCUSE and (accused := self.partners.get(message.body)):
            accused.kill()
        return message

    def hang_up(self) -> None:
        """Close our end of the link. Whoever is not heard any more does not serve, though it may take a moment to end."""
        self.ready = 0
        if self.link is not None:
            self.link.close()
            self.link = None

    def kill(self) -> None:
        """End the process at once, if it is there."""
        if self._process is not None:
            self._process.kill()

    def want(self, now: float) -> None:
        """Have it started: now, or when the one has ended that was told to."""
        self._rest_until = now
        if self._process is None:
            self.due = now

    def end(self, now: float) -> None:
        """Tell it to end while the service goes on; `reap` sees it like any other end, only that it is no fault."""
        self.rests = 0
        if self._process is not None:
            self._leave_until = now + LEAVE_PATIENCE
            self.dismiss()

    def rest(self, now: float, until: float) -> None:
        """It is ending by itself, for it has nothing to do, and is started again at `until` or when it is wanted. Settings that
        it has not taken over are something to do. For who has hardly served this is an end like any other: it must not keep
        the machine busy with starts."""
        if self._process is not None and self.ready and now - self._started >= CALM and not self._leave_until:
            self._leave_until, self.rests = now + LEAVE_PATIENCE, self.ready
            self._rest_until = until if self.ready == self.sent else now

    def dismiss(self) -> None:
        """Tell it to end."""
        self.send(LinkType.END)

    def reap(self, now: float) -> str | None:
        """How it ended and what follows, once; None while it lives."""
        if self._process is None or self._process.poll() is None:
            return None
        reason = describe_exit(self._process.returncode)
        self._process = None
        self.hang_up()
        if self._leave_until:
            self.due = max(now, self._rest_until)
            why = "for it has nothing to do" if self.rests else "as it was told"
            return f"{reason} after {now - self._started:.1f} s, {why}"
        delay = self.restarts.delay_after(now - self._served if self._served else 0.0)
        self.due = now + delay
        return f"{reason} after {now - self._started:.1f} s; starting again " + (
            f"in {delay:.1f} s" if delay else "at once"
        )

    def watch(self, now: float) -> str | None:
        """Ping it now and then; end it, and say why, if it does not become ready or answers no more."""
        if self._process is not None and 0 < self._leave_until <= now:
            self.kill()
            return f"not ended within {LEAVE_PATIENCE:.0f} s"
        if self._process is None or self._leave_until:
            return None
        if self.link is None:
            return self._watch_gone(now)
        if not self.ready:
            if now - self._started < START_PATIENCE or now - self._pinged < PING_INTERVAL:
                return None
            self._pinged = now
            self.kill()
            return f"not ready after {START_PATIENCE:.0f} s"
        self._served = self._served or now
        if now - self._pinged < PING_INTERVAL:
            return None
        # Said once, though it may be looked at again before it has ended.
        self._pinged = now
        if self._silent >= MAX_SILENT_PINGS:
            self.kill()
            return f"no answer to {MAX_SILENT_PINGS} pings"
        self._silent += 1
        self.send(LinkType.PING)
        return None

    def _watch_gone(self, now: float) -> str | None:
        self._gone_until = self._gone_until or now + GONE_PATIENCE
        if now < self._gone_until:
            return None
        self._gone_until = now + GONE_PATIENCE
        self.kill()
        return "its link is closed"

    def wait(self, seconds: float) -> bool:
        """True once it has ended, within `seconds`."""
        return self._process is None or self._process.wait(seconds) is not None

    def see_off(self, until: float) -> None:
        """Wait for one that was dismissed, and kill it if that takes past `until`, monotonic seconds."""
        if not self.wait(until - time.monotonic()):
            log("supervisor", f"{self.name} (pid {self.pid}) did not stop; it is killed")
            self.kill()
            self.wait(LEAVE_PATIENCE)
