"""Fetching over https: to addresses that our own resolver gave, proved by name, bounded in size and time, telling nobody more
than it must. What comes is handed on in pieces and not looked into.

The connection goes to the address, the name is in the Host field and in the handshake: so nobody looks anything up here.
"""

import asyncio
import ssl
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from time import monotonic
from urllib.parse import urljoin

from anchorhold.config.errors import Wrong
from anchorhold.lists.exchange import Answer, get
from anchorhold.lists.urls import HTTPS_PORT, Place, read_list_url
from anchorhold.lists.wire import Lost, NotInTime, Stream
from resolver.addresses import is_public

MAX_REDIRECTS = 5
MAX_ADDRESSES = 4
"""Of one host that are tried."""

HEADERS = {
    "User-Agent": "Mozilla/5.0 (compatible; list fetcher)",
    "Accept": "*/*",
    "Accept-Encoding": "gzip",
    "Connection": "close",
}
"""All that is said besides the address and what we had last; the same from every house."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})

Addresses = Callable[[str], Awaitable[tuple[str, ...]]]
"""Those of a name. Raises NoAddress."""
Take = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: to connect, for the next piece, in all. A server that after `start` seconds gave less than `rate` octets a
    second is given up."""

    connect: float = 10.0
    idle: float = 20.0
    whole: float = 1_200.0
    start: float = 30.0
    rate: float = 2_048.0


PATIENCE = Patience()


class FetchFailed(Exception):
    """Nothing came that is of use; `after`: the server wants to be left alone for so many seconds."""

    def __init__(self, text: str, after: float = 0.0) -> None:
        super().__init__(text)
        self.after = after


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be fetched: from `url`, at most `most` octets. `private`: its host may be at an address that is not public.
    `etag` and `modified` are what the server said of what we have ("": nothing)."""

    url: str
    most: int
    private: bool = False
    etag: str = ""
    modified: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """What came. `unchanged`: nothing, for we have it. `hosts`: those that redirects led to."""

    unchanged: bool
    etag: str = ""
    modified: str = ""
    hosts: tuple[str, ...] = ()


class Fetcher:
    """Fetches one thing after another; nothing is kept between two of them, neither cookies nor connections."""

    def __init__(
        self, context: Callable[[], ssl.SSLContext], addresses: Addresses, patience: Patience = PATIENCE
    ) -> None:
        """`context` is called with each fetch, and not before."""
        self._context = context
        self._addresses = addresses
        self._patience = patience

    async def fetch(self, wanted: Wanted, take: Take) -> Given:
        """`take` gets the text in pieces (its OSError goes on up). Raises FetchFailed, NoAddress."""
        try:
            async with asyncio.timeout(self._patience.whole):
                return await self._follow(wanted, take)
        except TimeoutError:
            raise FetchFailed(f"it took longer than {self._patience.whole:.0f} s") from None

    async def _follow(self, wanted: Wanted, take: Take) -> Given:
        place = _read(wanted.url)
        home = place.host if wanted.private else ""
        hosts: list[str] = []
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._ask(place, wanted, place.host == home)
            try:
                if answer.status not in _REDIRECTS:
                    given = await self._receive(answer, wanted, take)
                    return replace(given, hosts=tuple(dict.fromkeys(hosts)))
                place = _next(place, answer, home)
                hosts += () if place.literal else (place.host,)
            finally:
                answer.close()
        raise FetchFailed(f"more than {MAX_REDIRECTS} redirects")

    async def _ask(self, place: Place, wanted: Wanted, home: bool) -> Answer:
        fields = [("Host", place.authority), *HEADERS.items()]
        if wanted.etag:
            fields.append(("If-None-Match", wanted.etag))
        if wanted.modified:
            fields.append(("If-Modified-Since", wanted.modified))
        failed = FetchFailed(f"{place.host} has no address")
        context, patience = self._context(), self._patience
        for address in (await self._reach(place, home))[:MAX_ADDRESSES]:
            try:
                stream = await Stream.open(address, place.port, context, place.host, patience.connect, patience.idle)
                try:
                    return await get(stream, place.target, fields)
                except BaseException:
                    stream.close()
                    raise
            except Lost as error:
                failed = FetchFailed(_described(error))
        raise failed

    async def _reach(self, place: Place, home: bool) -> tuple[str, ...]:
        found = (place.host,) if place.literal else await self._addresses(place.host)
        good = tuple(one for one in found if home or is_public(one))
        if not good:
            raise FetchFailed(
                f"{place.host} is at no public address; lists at home are written with such a name or address"
            )
        return good

    async def _receive(self, answer: Answer, wanted: Wanted, take: Take) -> Given:
        if answer.status == 304 and (wanted.etag or wanted.modified):
            return Given(True, wanted.etag, wanted.modified)
        if answer.status != 200:
            raise FetchFailed(f"the server says {answer.status}", _retry_after(answer))
        fields = answer.fields
        length = fields.get("content-length", "")
        if not length.isdigit() and "chunked" not in fields.get("transfer-encoding", "").lower():
            raise FetchFailed("the server does not say where it ends, so a part could be taken for all of it")
        if length.isdigit() and int(length) > wanted.most:
            raise FetchFailed(_too_large(wanted.most))
        if fields.get("content-type", "").lower().startswith("text/html"):
            raise FetchFailed("it is a web page, no list")
        try:
            await self._read(answer, wanted.most, take)
        except Lost as error:
            raise FetchFailed(_described(error)) from None
        return Given(False, fields.get("etag", ""), fields.get("last-modified", ""))

    async def _read(self, answer: Answer, most: int, take: Take) -> None:
        unpack = _unpacking(answer.fields.get("content-encoding", "identity").lower(), most)
        raw = total = 0
        began = monotonic()
        while piece := await answer.piece():
            raw += len(piece)
            passed = monotonic() - began
            if passed > self._patience.start and raw < passed * self._patience.rate:
                raise FetchFailed(f"the server is too slow: {raw} octets in {passed:.0f} s")
            for text in unpack.add(piece):
                total += len(text)
                if total > most or raw > most:
                    raise FetchFailed(_too_large(most))
                take(text)
        unpack.finish()


class _Plain:
    def add(self, piece: bytes) -> list[bytes]:
        return [piece]

    def finish(self) -> None:
        return


class _Gzip:
    """RFC 1952. Inflates no more at once than may be."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._total = 0
        self._inflate = zlib.decompressobj(31)

    def add(self, piece: bytes) -> list[bytes]:
        found = []
        try:
            while piece and self._total <= self._most:
                if self._inflate.eof:
                    self._inflate = zlib.decompressobj(31)
                text = self._inflate.decompress(piece, 262_144)
                self._total += len(text)
                found.append(text)
                piece = self._inflate.unconsumed_tail or self._inflate.unused_data
        except zlib.error:
            raise FetchFailed("what is compressed is damaged") from None
        return found

    def finish(self) -> None:
        if not self._inflate.eof:
            raise FetchFailed("what is compressed ends too early")


def _unpacking(encoding: str, most: int) -> _Plain | _Gzip:
    match encoding.strip():
        case "" | "identity":
            return _Plain()
        case "gzip" | "x-gzip":
            return _Gzip(most)
        case _:
            raise FetchFailed("it is compressed in a way that was not asked for")


def _read(url: str) -> Place:
    try:
        return read_list_url(url)
    except Wrong as wrong:
        raise FetchFailed(wrong.what) from None


def _next(place: Place, answer: Answer, home: str) -> Place:
    """Where a redirect leads: https only, and home only to the host that the user wrote."""
    location = answer.fields.get("location", "")
    try:
        there = read_list_url(urljoin(place.text(), location))
    except Wrong as wrong:
        raise FetchFailed(f"a redirect that is not followed: {wrong.what}") from None
    except ValueError:
        raise FetchFailed("a redirect that is not followed: it is no address") from None
    if there.literal and there.host != home:
        raise FetchFailed("a redirect to an address, not a name, is not followed")
    if there.port != HTTPS_PORT and there.port != place.port:
        raise FetchFailed("a redirect to another port is not followed")
    return there


def _retry_after(answer: Answer) -> float:
    """Seconds; of a date nothing is made."""
    said = answer.fields.get("retry-after", "")
    return float(said) if said.isascii() and said.isdigit() and len(said) < 9 else 0.0


def _too_large(most: int) -> str:
    return f"it is larger than {most} octets (max_size)"


def _described(error: Lost) -> str:
    """For the user: what kind of failure, without the stranger's words."""
    # Of a silent server the handshake's or the stream's "would wait" is the cause: no fault of TLS.
    cause: BaseException | None = None if isinstance(error, NotInTime) else error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate does not prove the name: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"TLS failed: {cause.reason or 'no reason'}"
        if isinstance(cause, ConnectionRefusedError):
            return "the connection was refused"
        cause = cause.__cause__ or cause.__context__
    return str(error)
