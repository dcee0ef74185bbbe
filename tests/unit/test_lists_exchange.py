"""One request and its answer, over a stream that says what it was told to, in pieces of any size."""

import asyncio
from dataclasses import dataclass

import pytest

from anchorhold.lists.exchange import MAX_HEAD, MAX_INTERIM, Answer, NoHttp, get


@dataclass
class Said:
    """A stream from which `text` comes, `size` octets at a time."""

    text: bytes
    size: int = 65_536
    asked: bytes = b""

    async def read(self) -> bytes:
        piece, self.text = self.text[: self.size], self.text[self.size :]
        return piece

    async def write(self, data: bytes) -> None:
        self.asked += data

    def close(self) -> None:
        self.text = b""


async def _ask(stream: Said, target: str) -> tuple[Answer, bytes]:
    answer = await get(stream, target, [("Host", "lists.example"), ("Accept", "*/*")])  # type: ignore[arg-type]
    content = b""
    while piece := await answer.piece():
        content += piece
    return answer, content


def ask(stream: Said, target: str = "/ads.txt") -> tuple[Answer, bytes]:
    return asyncio.run(_ask(stream, target))


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-One: a\r\nx-one: b\r\n\r\n"
PIECES = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: z\r\n\r\n"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"


@pytest.mark.parametrize("size", [1, 7, 65_536])
@pytest.mark.parametrize("text", [HEAD + b"abcde", PIECES, INTERIM + PIECES])
def test_what_is_said_in_whatever_pieces_is_the_same(text: bytes, size: int) -> None:
    stream = Said(text, size)
    answer, content = ask(stream)
    assert (answer.status, content) == (200, b"abcde")
    assert stream.asked == b"GET /ads.txt HTTP/1.1\r\nHost: lists.example\r\nAccept: */*\r\n\r\n"


def test_a_server_is_told_its_own_words_whatever_octets_they_are() -> None:
    """What a former version read otherwise is something else, and no mistake of ours."""
    stream = Said(HEAD.replace(b"X-One: a", b'ETag: "\xe9"') + b"abcde")
    etag = ask(stream)[0].fields["etag"]
    for said, heard in ((etag, b'"\xe9"'), ("\u2013", b"?")):
        stream = Said(HEAD + b"abcde")
        asyncio.run(get(stream, "/", [("Host", "lists.example"), ("If-None-Match", said)]))  # type: ignore[arg-type]
        assert stream.asked.endswith(b"If-None-Match: " + heard + b"\r\n\r\n")


def test_fields_have_small_letters_and_what_came_twice_is_joined() -> None:
    assert ask(Said(HEAD + b"abcde"))[0].fields == {"content-length": "5", "x-one": "a, b"}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"SSH-2.0-x\r\n",
        HEAD,
        HEAD + b"abcd",
        PIECES[:-6],
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 30 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 2 * MAX_HEAD,
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\nabc",
        INTERIM * MAX_INTERIM + PIECES,
    ],
    ids=[
        "nothing",
        "no HTTP",
        "no content",
        "cut",
        "no end",
        "two lengths",
        "huge piece",
        "huge field",
        "switch",
        "hints",
    ],
)
def test_what_is_cut_off_or_no_http_is_no_answer(text: bytes) -> None:
    with pytest.raises(NoHttp):
        ask(Said(text, 4_096))


def test_a_target_that_http_has_no_words_for_is_not_asked_for() -> None:
    stream = Said(PIECES)
    with pytest.raises(NoHttp, match="asked for"):
        ask(stream, "/a b\r\nX: y")
    assert stream.asked == b""
