"""What a client of HTTP/2 says before it asks: who says no more costs no session of nghttp2, and nobody can tell."""

import gc
import random
import struct

import pytest
from kit.coders import CODECS, CONNECTIONS, http2_codec, use_codec
from kit.h2_talk import pieces
from kit.https import (
    ACK,
    DATA,
    END_STREAM,
    ENTIRE,
    GOAWAY,
    GREETING,
    HEADERS,
    PING,
    PREFACE,
    SETTINGS,
    WINDOW,
    block,
    frame,
    frames,
)

from net.h2_codecs import Codec, ServerLimits
from net.h2_greeting import LONGEST, is_greeting
from net.h2_guard import Abusive
from net.h2_server import Asked, Http2Server

__all__ = ["http2_codec"]

ACKNOWLEDGED = frame(SETTINGS, ACK, 0)
REQUEST = frame(HEADERS, ENTIRE, 1, block())


def settings(*pairs: tuple[int, int]) -> bytes:
    return frame(SETTINGS, 0, 0, b"".join(struct.pack("!HI", *pair) for pair in pairs))


def window(increment: int, stream: int = 0) -> bytes:
    return frame(WINDOW, 0, stream, struct.pack("!I", increment))


CURL = PREFACE + settings((3, 100), (4, 10_485_760), (2, 0)) + window(1_048_510_465)
BROWSER = PREFACE + settings((1, 65_536), (2, 0), (4, 6_291_456), (6, 262_144)) + window(15_663_105)
GO = PREFACE + settings((2, 0), (4, 4_194_304), (5, 16_384), (6, 10_485_760)) + window(1_073_741_824)
GREETINGS = (PREFACE + settings(), GREETING, CURL, BROWSER, GO, GO + ACKNOWLEDGED, CURL + ACKNOWLEDGED + window(1))


def heard(*said: bytes) -> tuple[list[object], bytes]:
    """By a server, one after another: what it told of, and all that came back."""
    server = Http2Server(ServerLimits(65_535, 3))
    events: list[object] = []
    for one in said:
        try:
            events += server.receive(one, 1.0)
        except Abusive as error:
            events.append(error.what)
            break
    return events, server.outgoing()


def living() -> int:
    gc.collect()
    return sum(isinstance(one, CONNECTIONS) for one in gc.get_objects())


@pytest.mark.parametrize("said", GREETINGS)
def test_a_greeting_is_one_where_it_is_whole(said: bytes) -> None:
    assert is_greeting(said)
    ends = frame_ends(said)
    assert all(is_greeting(said[:end]) == (end in ends) for end in range(len(said)))


def frame_ends(said: bytes) -> set[int]:
    ends, at = set(), len(PREFACE)
    for *_, body in frames(said[at:]):
        at += 9 + len(body)
        ends.add(at)
    return ends


@pytest.mark.parametrize(
    "behind",
    [
        REQUEST,
        settings((2, 0)),
        frame(PING, 0, 0, bytes(8)),
        frame(GOAWAY, 0, 0, bytes(8)),
        frame(0xF0, 0, 0),
        window(0),
        window(2**31),
        window(1, stream=1),
        frame(SETTINGS, ACK, 1),
        frame(SETTINGS, ACK, 0, bytes(6)),
        ACKNOWLEDGED * (LONGEST // 9),
    ],
)
def test_what_asks_for_something_is_no_greeting(behind: bytes) -> None:
    assert not is_greeting(PREFACE + settings() + behind)


@pytest.mark.parametrize(
    "first",
    [
        b"",
        ACKNOWLEDGED,
        window(1),
        frame(SETTINGS, 0, 1),
        frame(SETTINGS, 0, 0, bytes(5)),
        settings((2, 2)),
        settings((4, 2**31)),
        settings((5, 2**14 - 1)),
        settings((5, 2**24)),
        settings((8, 1)),
        settings((0xAAAA, 1)),
    ],
)
def test_settings_that_are_not_plain_are_read(first: bytes) -> None:
    assert not is_greeting(PREFACE + first)
    assert not is_greeting(GREETING[1:])


@pytest.mark.skipif(
    Codec.NGH2 not in CODECS, reason="there is no ngh2 for this machine: where there is, the set-up installs it"
)
def test_who_only_greets_has_no_session_of_nghttp2_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    use_codec(Codec.NGH2, monkeypatch)
    before = living()
    servers = [Http2Server(ServerLimits(65_535, 3)) for _ in range(5)]
    for server in servers:
        server.receive(CURL, 1.0)
        server.receive(ACKNOWLEDGED, 1.0)
    assert living() == before
    servers[0].receive(REQUEST, 1.0)
    servers[1].goodbye()
    assert servers[1].receive(REQUEST, 1.0) == []
    assert living() == before + 1


@pytest.mark.parametrize("said", GREETINGS)
@pytest.mark.usefixtures("http2_codec")
def test_when_a_request_comes_is_not_to_be_seen(said: bytes) -> None:
    once, octets = heard(said + REQUEST)
    assert [Asked] == [type(one) for one in once]
    assert octets.count(ACKNOWLEDGED) == 1
    assert heard(said, REQUEST) == (once, octets)
    assert heard(*pieces(said + REQUEST, random.Random(len(said)))) == (once, octets)


@pytest.mark.usefixtures("http2_codec")
def test_settings_are_acknowledged_before_anything_is_asked() -> None:
    _, octets = heard(CURL)
    assert octets.endswith(ACKNOWLEDGED)
    assert heard(CURL, ACKNOWLEDGED) == ([], octets)


@pytest.mark.usefixtures("http2_codec")
def test_what_was_greeted_with_counts_for_what_comes() -> None:
    """A window of no octets, said long before, holds the response back."""
    server = Http2Server(ServerLimits(65_535, 3))
    server.receive(PREFACE + settings((4, 0)), 1.0)
    server.receive(REQUEST, 1.0)
    server.outgoing()
    server.respond(1, [(b":status", b"200")], b"body", good=True)
    assert [HEADERS] == [kind for kind, *_ in frames(server.outgoing())]
    server.receive(window(4, stream=1), 1.0)
    assert frames(server.outgoing()) == [(DATA, END_STREAM, 1, b"body")]


@pytest.mark.usefixtures("http2_codec")
def test_windows_that_are_too_large_together_end_the_connection_at_the_next_octet() -> None:
    events, octets = heard(CURL + window(2**30) + window(2**30), REQUEST)
    assert events == ["protocol"]
    assert [GOAWAY] == [kind for kind, *_ in frames(octets)][-1:]


@pytest.mark.usefixtures("http2_codec")
def test_who_has_only_greeted_is_told_goodbye() -> None:
    server = Http2Server(ServerLimits(65_535, 3))
    server.receive(CURL, 1.0)
    server.outgoing()
    server.goodbye()
    assert frames(server.outgoing()) == [(GOAWAY, 0, 0, bytes(8))]
