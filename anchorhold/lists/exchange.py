"""One request over HTTP/1.1 and what answers it; the words are h11's (RFC 9112), the connection is ours and used once."""

from collections.abc import Iterable

import h11

from anchorhold.lists.wire import Lost, Stream

MAX_HEAD = 64 * 1024
"""Octets of the fields of an answer, or of one line between pieces of it."""
MAX_INTERIM = 8
"""Answers that only say that another is to come."""
CUT_OFF = "it was cut off, or is no HTTP"


class NoHttp(Lost):
    """It ended too early, or is something else."""


class Answer:
    """Its head has come. `fields` by small letters; what came several times is joined (RFC 9110 §5.3)."""

    def __init__(self, stream: Stream, codec: h11.Connection, head: h11.Response) -> None:
        self._stream = stream
        self._codec = codec
        self.status = head.status_code
        self.fields: dict[str, str] = {}
        for name, value in head.headers:
            key, text = name.decode("ascii"), value.decode("latin-1")
            self.fields[key] = f"{self.fields[key]}, {text}" if key in self.fields else text

    async def piece(self) -> bytes:
        """The next octets of its content, without the marks between them; none: that was all. Raises Lost, and NoHttp if the end
        does not come."""
        while not isinstance(event := await _next(self._stream, self._codec), h11.EndOfMessage):
            if not isinstance(event, h11.Data):
                raise NoHttp(CUT_OFF)
            if event.data:
                return bytes(event.data)
        return b""

    def close(self) -> None:
        """With its connection."""
        self._stream.close()


async def get(stream: Stream, target: str, fields: Iterable[tuple[str, str]]) -> Answer:
    """Ask for `target`; `fields` with Host. Raises Lost, NoHttp; the connection stays the caller's until there is an answer."""
    codec = h11.Connection(h11.CLIENT, MAX_HEAD)
    # As `Answer` reads them: a server is told its own words again, whatever octets they are.
    headers = [(name.encode(), value.encode("latin-1", "replace")) for name, value in fields]
    try:
        asked = codec.send(h11.Request(method="GET", target=target, headers=headers))
    except h11.LocalProtocolError as error:
        raise NoHttp("the address is none that can be asked for") from error
    codec.send(h11.EndOfMessage())
    await stream.write(asked)
    for _ in range(MAX_INTERIM):
        head = await _next(stream, codec)
        if isinstance(head, h11.Response):
            return Answer(stream, codec, head)
    raise NoHttp("it promises an answer, and gives none")


async def _next(stream: Stream, codec: h11.Connection) -> object:
    """One of h11's events."""
    try:
        while (event := codec.next_event()) is h11.NEED_DATA:
            codec.receive_data(await stream.read())
    except h11.RemoteProtocolError as error:
        raise NoHttp(CUT_OFF) from error
    return event
