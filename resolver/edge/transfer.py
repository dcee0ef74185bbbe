"""Fetches the root zone (RFC 8806) by AXFR over TCP, looks for a newer one in time, and keeps what it has if that is bad.

A task beside the questions: none waits for it. What is asked is the same for everybody and tells nothing of any client.
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from net.apart import apart
from net.dial import DialFailed, Target, dial
from net.stream import Link
from privacy.memory import Fact
from resolver.dnssec.anchors import TrustAnchor
from resolver.dnssec.signature import Unsigned
from resolver.dnssec.values import Verified
from resolver.dnssec.wholezone import verify_zone
from resolver.iterate.local_root import LocalRoot, Moment, Offered, RootHolder, RootRefused, read_local_root
from resolver.iterate.port import Endpoint
from resolver.iterate.transfer import MAX_OCTETS, Transfer, build_ask, serial_in, wait_after
from resolver.iterate.zonecopy import is_newer
from wire.dns.codes import RecordType
from wire.dns.framing import Framer, frame
from wire.dns.names import ROOT
from wire.errors import Malformed
from wire.units import Epoch, Instant

DEADLINE = 60.0
"""Seconds for all that is asked of one server at once."""


MARK = 8
"""Octets of what a source is known by."""


class TransferFailed(Exception):
    """No copy from this server. The text says why, without its address."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where copies come from: `given` is one in wire form or nothing; `servers` are asked in order; glue becomes
    endpoints at `port`."""

    given: bytes
    servers: tuple[Endpoint, ...]
    port: int = 53

    @property
    def mark(self) -> bytes:
        """By which another process of ours, with the same settings, knows the same source."""
        return hashlib.sha256(repr((self.servers, self.port)).encode()).digest()[:MARK]


def no_anchor() -> TrustAnchor | None:
    """The signature of a copy is not checked."""
    return None


@dataclass(frozen=True, slots=True)
class Means:
    """What the keeper may use: both clocks, n random octets, a way to say what happened, the root's trust anchor as it is
    now (None: signatures are not checked), and how copies are shared with other processes of ours, if there are any."""

    now: Callable[[], Instant]
    date: Callable[[], Epoch]
    entropy: Callable[[int], bytes]
    report: Callable[[Fact], None]
    anchor: Callable[[], TrustAnchor | None] = no_anchor
    sharing: "Sharing | None" = None

    def moment(self) -> Moment:
        """Both clocks at once."""
        return Moment(self.now(), self.date())


@dataclass(frozen=True, slots=True)
class Sharing:
    """`fetch` has the copy of who goes outside for all, as `fetch` below has that of a server; None: that is us, and what we got
    is kept as it came."""

    fetch: "Callable[[Source, int | None], Awaitable[bytes | None]] | None"


class RootKeeper:
    """Keeps `holder` supplied. `start` and `close` are for its owner; `refresh` is one round."""

    def __init__(self, holder: RootHolder, source: Source, means: Means) -> None:
        self.holder = holder
        self._source = source
        self._means = means
        self._said = ""
        self._data = b""
        self._looked = asyncio.Event()
        self._good = False
        """Whether the last round went well."""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, in the background."""
        self._task = asyncio.get_running_loop().create_task(self.run())

    async def close(self) -> None:
        """End it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def run(self) -> None:
        """Take what was given, then ask the servers again and again."""
        if self._source.given:
            await self.take(self._source.given)
        failures = 0
        while self._source.servers:
            self._good = await self.refresh()
            self._looked.set()
            failures = 0 if self._good else failures + 1
            chance = int.from_bytes(self._means.entropy(4), "big")
            await asyncio.sleep(wait_after(self.holder.timers(self._means.now()), failures, chance))

    async def refresh(self) -> bool:
        """One round through the servers; whether one of them had the copy in use or a newer one."""
        sharing = self._means.sharing
        if sharing is not None and sharing.fetch is not None:
            return await self._obtain(partial(sharing.fetch, self._source))
        for server in self._source.servers:
            if await self._obtain(partial(fetch, server, entropy=self._means.entropy)):
                return True
        return False

    async def _obtain(self, fetch: Callable[[int | None], Awaitable[bytes | None]]) -> bool:
        timers = self.holder.timers(self._means.now())
        try:
            data = await fetch(None if timers is None else timers.serial)
        except TransferFailed as error:
            self.holder.fail(str(error))
            self._say()
            return False
        if data is None:
            self.holder.confirm(self._means.moment())
            return True
        return await self.take(data)

    async def copy(self, serial: int | None) -> bytes | None:
        """For another process of ours: what `fetch` would give it, as soon as we have looked outside. Raises TransferFailed:
        nobody is to take an old copy for a new one because we could not look."""
        await self._looked.wait()
        timers = self.holder.timers(self._means.now())
        if timers is None or not self._good or not self._data:
            raise TransferFailed("there is none")
        return None if timers.serial == serial else self._data

    async def take(self, data: bytes) -> bool:
        """Check a copy in a thread, for it takes its time, and use it if it is good, the root's own, and newer."""
        moment = self._means.moment()
        try:
            copy, proof = await apart(partial(_check, data, moment, self._source.port, self._means.anchor()))
        except RootRefused as error:
            self.holder.refuse(str(error))
            self._say()
            return False
        if isinstance(proof, Unsigned):
            self.holder.disprove(proof.explanation.text)
            self._say()
            return False
        copy.proved = proof is not None
        outcome = self.holder.offer(copy, moment.now)
        sharing = self._means.sharing
        if outcome is Offered.TAKEN and sharing is not None and sharing.fetch is None:
            self._data = data
        self._say()
        return outcome is not Offered.OLDER

    def _say(self) -> None:
        """What is new, once."""
        status = self.holder.status(self._means.now())
        text = f"local root: serial {status.serial}" if status.serial is not None else "local root: no copy"
        text += f"; not taken: {status.refused}" if status.refused else ""
        if text != self._said:
            self._said = text
            self._means.report(Fact("resolver", text))


def _check(
    data: bytes, moment: Moment, port: int, anchor: TrustAnchor | None
) -> tuple[LocalRoot, Verified | Unsigned | None]:
    """A copy, and what its signature comes to if there is an anchor. Raises RootRefused."""
    copy = read_local_root(data, moment, port)
    return copy, None if anchor is None else verify_zone(copy.zone, anchor, moment.date)


async def fetch(server: Endpoint, serial: int | None, entropy: Callable[[int], bytes]) -> bytes | None:
    """The root zone of `server` as records in wire form; None if `serial` is its own. Raises TransferFailed, also if its
    zone is older: a server that lags behind says nothing of whether there is a newer one.

    First the SOA is asked for, then, on the same connection, the zone (RFC 5936 §4.1). Unchecked: only the stream was.
    """
    try:
        async with asyncio.timeout(DEADLINE):
            link = await dial(Target((server.address,), server.port, None), TransferLink)
            try:
                return await _converse(link, serial, entropy)
            finally:
                link.abort()
    except TimeoutError:
        raise TransferFailed(f"not done in {DEADLINE:.0f} s") from None
    except DialFailed as error:
        raise TransferFailed(f"no connection: {error.detail}") from None
    except Malformed as error:
        raise TransferFailed(str(error)) from None


async def _converse(link: "TransferLink", serial: int | None, entropy: Callable[[int], bytes]) -> bytes | None:
    identifier = int.from_bytes(entropy(2), "big")
    link.write(frame(build_ask(ROOT, RecordType.SOA, identifier)))
    there = serial_in(await link.hear(), identifier, ROOT)
    if there == serial:
        return None
    if serial is not None and not is_newer(there, serial):
        raise TransferFailed("its zone is older than the copy in use")
    identifier = int.from_bytes(entropy(2), "big")
    link.write(frame(build_ask(ROOT, RecordType.AXFR, identifier)))
    transfer = Transfer(identifier, ROOT)
    while (zone := transfer.take(await link.hear())) is None:
        pass
    return zone


class TransferLink(Link):
    """A connection whose messages are heard one by one."""

    def __init__(self) -> None:
        super().__init__()
        self._framer = Framer()
        self._heard: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._octets = 0
        self._over = ""

    async def hear(self) -> bytes:
        """The next message. Raises TransferFailed."""
        while not self._heard:
            if self._over:
                raise TransferFailed(self._over)
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        await asyncio.sleep(0)  # a whole zone may lie here already: clients' questions go first
        return self._heard.popleft()

    def received(self, data: memoryview) -> None:
        """Octets of messages came."""
        self._octets += len(data)
        self._heard.extend(self._framer.feed(data.tobytes()))
        if self._octets > 2 * MAX_OCTETS:
            self._over = "it sends without end"
            self.abort()
        self._wake()

    def lost(self, error: Exception | None) -> None:
        """The server hung up, perhaps in the middle."""
        self._over = self._over or "the connection ended before the zone did"
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
