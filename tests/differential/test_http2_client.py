"""A client of HTTP/2 by h2 and by ngh2: it asks the same, field for field, and of the same octets it hears the same."""

import asyncio
import random
import struct
from collections.abc import Sequence

import hpack
import pytest
from kit.coders import CODECS, use_codec
from kit.h2_talk import pieces
from kit.https import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENTIRE,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    RST,
    SETTINGS,
    WINDOW,
    frame,
    frames,
)

from net import h2
from net.h2_codecs import Codec
from resolver.edge.upstream.doh import Requests
from resolver.settings import HttpMethod, UpstreamSpec


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = bytearray()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += data

    def close(self) -> None:
        """Nobody reads."""

    def abort(self) -> None:
        """Nobody reads."""


def asked_over(
    codec: Codec, requests: Requests, said: Sequence[bytes], patch: pytest.MonkeyPatch
) -> tuple[bytes, list[str]]:
    """All the octets of a client that asks three times and then hears `said`, and what came of its requests."""
    use_codec(codec, patch)

    async def conversation() -> tuple[bytes, list[str]]:
        link, wire = h2.Http2Link(h2.Limits(1_000, 10.0, lambda: 1.0), lambda: None), Wire()
        link.connection_made(wire)
        link.proved()
        link.received(memoryview(frame(SETTINGS, 0, 0)))
        futures = [link.request(*requests.build(bytes((number,)) * 128), 5.0) for number in (1, 2, 3)]
        await asyncio.sleep(0)
        for part in said:
            link.received(memoryview(part))
        await asyncio.sleep(0)
        link.connection_lost(None)
        return bytes(wire.sent), [outcome(future) for future in futures]

    return asyncio.run(conversation())


def outcome(future: "asyncio.Future[h2.Response]") -> str:
    error = future.exception()
    if isinstance(error, h2.StreamFailed):
        return error.failure.value
    status, headers, body = future.result()
    return repr((status, [tuple(one) for one in headers], body))


@pytest.mark.parametrize("method", HttpMethod)
def test_a_request_is_the_same_field_for_field(method: HttpMethod, monkeypatch: pytest.MonkeyPatch) -> None:
    """The codecs choose other codings of the same fields; what must be kept out of tables is, and the lengths tell no names."""
    spec = UpstreamSpec("https", "dns.example", ("127.0.0.1",), 443, "", path="/dns-query", method=method)
    seen = []
    for codec in CODECS:
        sent, _ = asked_over(codec, Requests(spec), (), monkeypatch)
        decoder, requests, sizes = hpack.Decoder(), [], []
        start, rest = sent[:24], frames(sent[24:])
        for kind, flags, stream, body in rest:
            if kind == HEADERS:
                fields = decoder.decode(body, raw=True)
                secret = [bytes(one[0]) for one in fields if isinstance(one, hpack.NeverIndexedHeaderTuple)]
                assert ([b":path"] if method is HttpMethod.GET else []) == secret
                requests.append((stream, flags, [(bytes(name), bytes(value)) for name, value in fields], secret))
                sizes.append(len(body))
            elif kind == DATA:
                requests.append((stream, flags, body))
        # How long a path is in Huffman's code depends on its letters, whoever codes it.
        assert method is HttpMethod.GET or sizes[1] == sizes[2]
        greeting = [one for one in rest if one[0] in (SETTINGS, WINDOW)]
        seen.append((start, greeting, requests))
    assert seen[0] == seen[-1]


@pytest.mark.parametrize("seed", range(40))
def test_a_client_hears_the_same(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = UpstreamSpec("https", "dns.example", ("127.0.0.1",), 443, "", path="/dns-query")
    said = list(pieces(answers(random.Random(seed)), random.Random(seed)))
    outcomes = [asked_over(codec, Requests(spec), said, monkeypatch)[1] for codec in CODECS]
    assert outcomes[0] == outcomes[-1]


def answers(chance: random.Random) -> bytes:
    """Of a server to three requests, in an order that chance makes."""
    encoder, said = hpack.Encoder(), frame(SETTINGS, ACK, 0)
    for stream in chance.sample((1, 3, 5), 3):
        noise = [frame(PING, 0, 0, bytes(8)), frame(WINDOW, 0, stream, b"\0\0\0\7"), frame(0xF0, 0, 0, b"?"), b""]
        said += chance.choice(noise)
        if chance.random() < 0.2:
            said += frame(HEADERS, END_HEADERS, stream, encoder.encode([(":status", "103")]))
        if chance.random() < 0.15:
            said += frame(RST, 0, stream, struct.pack("!I", chance.choice((1, 7, 8))))
            continue
        length = chance.choice((0, 5, 400, 999, 1_001))
        fields = [(":status", chance.choice(("200", "404"))), ("age", "3"), ("content-length", str(length))]
        said += frame(HEADERS, END_HEADERS, stream, encoder.encode(fields[: chance.choice((2, 3))]))
        for part in pieces(bytes(length), chance):
            pad = chance.randrange(9)
            said += frame(DATA, PADDED, stream, bytes((pad,)) + part + bytes(pad))
        if chance.random() < 0.5:
            said += frame(DATA, END_STREAM, stream)
        else:
            said += frame(HEADERS, ENTIRE, stream, encoder.encode([("x-end", "1")]))
    return said + (frame(GOAWAY, 0, 0, bytes(8)) if chance.random() < 0.3 else b"")
