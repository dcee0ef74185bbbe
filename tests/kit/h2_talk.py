"""What clients of HTTP/2 say, by chance and by seed: conversations of frames made by hand, in pieces of any length."""

import random
import struct
from collections.abc import Callable, Iterator, Sequence
from itertools import count

import hpack
from kit.https import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENTIRE,
    HEADERS,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    RST,
    SETTINGS,
    WINDOW,
    frame,
)

from net.h2_codecs import Header


def pieces(data: bytes, chance: random.Random) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        length = chance.choice((1, 9, 50, 400, 5_000))
        yield data[at : at + length]
        at += length


def fields_of(chance: random.Random, *more: Header) -> list[Header]:
    path = b"/dns-query?dns=" + bytes(chance.choices(b"abcXYZ019-_", k=chance.randrange(60)))
    fields = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"dns.example"), (b":path", path), *more]
    extra = [
        (b"accept", b"*/*"),
        (b"user-agent", b"x" * chance.randrange(90)),
        (b"dnt", b"1"),
        (b"te", b"trailers"),
    ]
    return fields + chance.sample(extra, chance.randrange(4))


class Talker:
    """Says what a client may say, in an order that chance makes."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.encoder = hpack.Encoder()
        self.streams = count(1, 2)

    def conversation(self) -> bytes:
        """A whole one."""
        small = struct.pack("!HI", 4, self.chance.choice((0, 10, 500, 65_535)))
        start = PREFACE + frame(SETTINGS, 0, 0, small) + frame(SETTINGS, ACK, 0)
        return start + b"".join(self.chance.choice(ACTS)(self) for _ in range(self.chance.randrange(5, 40)))

    def headers(self, stream: int, flags: int, *more: Header) -> bytes:
        block = self.encoder.encode(fields_of(self.chance, *more))
        cut = self.chance.randrange(len(block) + 1)
        if self.chance.random() < 0.8:
            return frame(HEADERS, flags | END_HEADERS, stream, block)
        return frame(HEADERS, flags, stream, block[:cut]) + frame(CONTINUATION, END_HEADERS, stream, block[cut:])

    def get(self) -> bytes:
        return self.headers(next(self.streams), END_STREAM)

    def post(self) -> bytes:
        stream, length = next(self.streams), self.chance.choice((0, 20, 600, 3_000))
        said = [(b"content-length", str(length).encode())] if self.chance.random() < 0.5 else []
        body, parts = bytes(length), []
        for part in pieces(body, self.chance):
            pad = self.chance.randrange(40)
            parts.append(frame(DATA, PADDED, stream, bytes((pad,)) + part + bytes(pad)))
        return self.headers(stream, 0, *said) + b"".join(parts) + frame(DATA, END_STREAM, stream)

    def announced(self) -> bytes:
        return self.headers(next(self.streams), 0, (b"content-length", b"65536"))

    def trailed(self) -> bytes:
        stream = next(self.streams)
        whole = self.headers(stream, 0) + frame(DATA, 0, stream, b"abc")
        return whole + frame(HEADERS, ENTIRE, stream, self.encoder.encode([(b"x-end", b"1")]))

    def called_off(self) -> bytes:
        stream = next(self.streams)
        return self.headers(stream, self.chance.choice((0, END_STREAM))) + frame(RST, 0, stream, struct.pack("!I", 8))

    def wider(self) -> bytes:
        return frame(WINDOW, 0, 0, struct.pack("!I", self.chance.randrange(1, 9_000)))

    def setting(self) -> bytes:
        return frame(SETTINGS, 0, 0, struct.pack("!HI", 4, self.chance.choice((0, 300, 70_000))))

    def noise(self) -> bytes:
        some = [frame(PING, 0, 0, bytes(8)), frame(0xF0, 0, 0, b"?"), frame(PRIORITY, 0, 1, struct.pack("!IB", 0, 3))]
        return self.chance.choice(some)


ACTS: Sequence[Callable[[Talker], bytes]] = (
    Talker.get, Talker.get, Talker.get, Talker.post, Talker.post, Talker.announced, Talker.trailed, Talker.called_off,
    Talker.wider, Talker.setting, Talker.noise,
)  # fmt: skip
