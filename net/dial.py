"""Open a connection: addresses in order with a short stagger (RFC 8305 §5), then TLS, then proof of the peer."""

import asyncio
import errno
import ssl
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeVar

from net.shortage import is_shortage
from net.stream import Link
from net.tls import PinRefused, TlsClient
from net.transport import TlsTransport, Transport, connect

STAGGER = 0.25
"""Seconds the next address waits for the one before (RFC 8305 §8)."""

MAX_ADDRESSES = 8
"""Addresses that one attempt tries."""


class Abortable(Protocol):
    """What a race needs to know of a connection."""

    def abort(self) -> None:
        """End it now."""


L = TypeVar("L", bound=Link)
A = TypeVar("A", bound=Abortable)


class DialFailure(Enum):
    """Why no connection came about; a later line says more of the peer than an earlier one."""

    SHORTAGE = -1
    """Of ours: no descriptor, no memory."""
    UNREACHABLE = 0
    TIMEOUT = 1
    RESET = 2
    TLS = 3
    CERTIFICATE = 4


class DialFailed(Exception):
    """No address gave a usable connection. `detail` holds neither name nor address."""

    def __init__(self, failure: DialFailure, detail: str = "") -> None:
        super().__init__(f"{failure.name.lower()}: {detail}")
        self.failure = failure
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect to; `tls` None means a clear stream. `limit` in seconds, for the whole of one address."""

    addresses: tuple[str, ...]
    port: int
    tls: TlsClient | None
    limit: float = 4.0


async def dial(target: Target, make: Callable[[], L]) -> L:
    """A connected, proved link made by `make`. Raises DialFailed with the most telling reason of all addresses."""
    return await race(target.addresses, lambda address: _dial_one(target, address, make))


async def race(addresses: Sequence[str], one: Callable[[str], Coroutine[None, None, A]]) -> A:
    """The first connection that `one` makes to an address; it raises DialFailed, and so does this, if none comes about."""
    addresses = addresses[:MAX_ADDRESSES]
    waiting: set[asyncio.Task[A]] = set()
    failures: list[DialFailed] = []
    link: A | None = None
    try:
        for address in addresses:
            waiting.add(asyncio.create_task(one(address)))
            last = len(waiting) + len(failures) == len(addresses)
            link, waiting = await _first_good(waiting, failures, None if last else STAGGER)
            if link is not None:
                break
    finally:
        try:
            await _abandon(waiting)
        except asyncio.CancelledError:  # nobody will take it
            if link is not None:
                link.abort()
            raise
    if link is not None:
        return link
    raise max(failures, key=lambda failed: failed.failure.value, default=DialFailed(DialFailure.UNREACHABLE, "empty"))


async def _first_good(
    waiting: "set[asyncio.Task[A]]", failures: list[DialFailed], patience: float | None
) -> "tuple[A | None, set[asyncio.Task[A]]]":
    """The first link among `waiting`, and who still waits. None once all have failed or `patience` seconds passed."""
    while waiting:
        done, waiting = await asyncio.wait(waiting, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        good: list[A] = []
        for task in done:
            try:
                good.append(task.result())
            except DialFailed as failed:
                failures.append(failed)
        for spare in good[1:]:
            spare.abort()
        if good:
            return good[0], waiting
        if not done:
            break
        if patience is not None:
            break  # one failed: the next address need not wait for its turn
    return None, waiting


async def _abandon(waiting: "set[asyncio.Task[A]]") -> None:
    for task in waiting:
        task.cancel()
    for ended in await asyncio.gather(*waiting, return_exceptions=True):
        if not isinstance(ended, BaseException):
            ended.abort()


async def _dial_one(target: Target, address: str, make: Callable[[], L]) -> L:
    try:
        async with asyncio.timeout(target.limit):
            link = await _connect(target, address, make)
    except TimeoutError:
        raise DialFailed(DialFailure.TIMEOUT, "no connection in time") from None
    except ssl.SSLCertVerificationError as error:
        raise DialFailed(DialFailure.CERTIFICATE, error.verify_message.split(",")[0]) from None
    except ssl.SSLError as error:
        raise DialFailed(DialFailure.TLS, error.reason or "handshake failed") from None
    except ConnectionError as error:
        refused = error.errno == errno.ECONNREFUSED
        raise DialFailed(DialFailure.UNREACHABLE if refused else DialFailure.RESET, _text(error)) from None
    except OSError as error:
        raise DialFailed(failure_of(error), _text(error)) from None
    link.address = address
    if target.tls is not None:
        _prove(target.tls, link)
    link.proved()
    return link


def failure_of(error: OSError) -> DialFailure:
    """What an error of a socket says, if it is not one of the far end's."""
    return DialFailure.SHORTAGE if is_shortage(error) else DialFailure.UNREACHABLE


def _text(error: OSError) -> str:
    """The error's own text; what the event loop adds to it (an address) is left out."""
    return errno.errorcode.get(error.errno or 0, type(error).__name__)


def _prove(tls: TlsClient, link: Link) -> None:
    """Raises DialFailed and ends the link if its peer is not the one we meant, before any byte of ours is sent."""
    try:
        if link.tls is None:
            raise DialFailed(DialFailure.TLS, "not encrypted")
        tls.prove(link.tls)
        wanted, chosen = tls.peer.alpn, link.tls.selected_alpn_protocol()
        if wanted and chosen not in wanted and (tls.peer.insists or chosen is not None):
            raise DialFailed(DialFailure.TLS, "the server does not speak " + wanted[0])
    except PinRefused:
        link.abort()
        raise DialFailed(DialFailure.CERTIFICATE, "no pin matches") from None
    except DialFailed:
        link.abort()
        raise


async def _connect(target: Target, address: str, make: Callable[[], L]) -> L:
    connected = await connect(address, target.port)
    link = make()
    if target.tls is None:
        Transport(connected, link).begin()
        return link
    transport = TlsTransport(connected, link, target.tls.context, target.tls.server_name(address))
    await transport.shake_hands()
    return link
