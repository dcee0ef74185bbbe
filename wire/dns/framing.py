"""DNS messages on a stream: two octets of length before each (RFC 1035 §4.2.2, RFC 7766 §8)."""

from collections.abc import Iterator


def frame(message: bytes) -> bytes:
    """One message with its length; both in one write, as RFC 7766 §8 asks. `message` has at most 65,535 octets."""
    return len(message).to_bytes(2, "big") + message


class Framer:
    """Bytes in, messages out; holds at most one incomplete message. Cannot fail: any length is allowed."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    @property
    def pending(self) -> int:
        """Octets of the message that is not complete yet."""
        return len(self._rest)

    @property
    def announced(self) -> tuple[int, int] | None:
        """Of the message that is not complete yet: its length and its id; None as long as they are not there."""
        rest = self._rest
        return (rest[0] << 8 | rest[1], rest[2] << 8 | rest[3]) if len(rest) >= 4 else None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Every message that `data` completes. Consume the iterator before feeding again."""
        if self._rest:
            data = self._rest + data
        at, end = 0, len(data)
        try:
            while end - at >= 2:
                stop = at + 2 + (data[at] << 8 | data[at + 1])
                if stop > end:
                    break
                start, at = at + 2, stop
                yield data[start:stop]
        finally:
            # Whoever stops half-way loses nothing; and the rest is copied once, not once a message.
            self._rest = data[at:]
