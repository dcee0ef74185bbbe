"""A request and a response of HTTP as plain values; HTTP/2 and HTTP/3 both make and take them (RFC 9110)."""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

REASON_TYPE = "text/plain; charset=utf-8"
NO_STORE = "no-store"
"""What errors, and answers that nobody may keep, say in `Cache-Control` (RFC 9111 §5.2.2.5)."""

HEADERS_KEPT = 1_024
"""Lists of header fields of responses: they differ in the length of the body and in the seconds it may be kept."""

_READ = frozenset((b":method", b":path", b":scheme", b"content-type", b"accept"))
"""The fields we look at; whatever else a client tells of itself is not read."""


class HttpRequest(NamedTuple):
    """One whole request.

    `method` is upper case as it came; `path` begins with a slash and holds no query, nothing in it is decoded; `query` is
    what stands behind the question mark; `content_type` and `accept` are the headers' values, "" if there are none
    (several `accept` headers are joined by commas). `peer_name` is the name the client asked for in TLS (SNI), lower case.
    """

    method: str
    path: str
    query: str
    content_type: str
    accept: str
    body: bytes
    peer_name: str


class HttpResponse(NamedTuple):
    """One whole response; `headers` are further ones, names in lower case. Its length is the body's and goes without saying."""

    status: int
    content_type: str
    body: bytes
    cache_control: str = ""
    headers: tuple[tuple[str, str], ...] = ()


def read_fields(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """What we look at of the header fields of a request, names in lower case, pseudo-headers included, as HTTP/2 and HTTP/3 give
    them. The rest is let go of: a field may be one octet of the client's and a hundred of ours."""
    fields: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _READ:
            former = fields.get(name)
            # > A recipient MAY combine multiple field lines … by appending each subsequent field line value … separated by a
            # > comma (RFC 9110 §5.2)
            fields[name] = value if former is None else former + b", " + value
    return fields


def read_request(fields: dict[bytes, bytes], body: bytes, peer_name: str) -> HttpRequest | HttpResponse:
    """A request from what `read_fields` kept, or the response that refuses it. The codec has seen to it that each pseudo-header
    is there once (RFC 9113 §8.3, RFC 9114 §4.3)."""
    target = fields.get(b":path", b"").decode("latin-1")
    if fields.get(b":scheme", b"https") != b"https" or not target.startswith("/"):
        return refused(400, "this is no request for a path here")
    path, _, query = target.partition("?")
    method = fields.get(b":method", b"").decode("latin-1")
    content_type = fields.get(b"content-type", b"").decode("latin-1")
    accept = fields.get(b"accept", b"").decode("latin-1")
    return HttpRequest(method, path, query, content_type, accept, body, peer_name)


def response_headers(response: HttpResponse) -> tuple[tuple[bytes, bytes], ...]:
    """The header fields of a response as HTTP/2 and HTTP/3 take them."""
    status, content_type, body, cache_control, headers = response
    return _headers(status, content_type, len(body), cache_control, headers)


@lru_cache(HEADERS_KEPT)
def _headers(
    status: int, content_type: str, length: int, cache_control: str, headers: tuple[tuple[str, str], ...]
) -> tuple[tuple[bytes, bytes], ...]:
    fields = [(":status", str(status))]
    if content_type:
        fields.append(("content-type", content_type))
    if length:
        fields.append(("content-length", str(length)))
    if cache_control:
        fields.append(("cache-control", cache_control))
    return tuple((name.encode("ascii"), value.encode("ascii")) for name, value in (*fields, *headers))


def refused(status: int, reason: str, *headers: tuple[str, str]) -> HttpResponse:
    """A response that says no, and why, in one short line that repeats nothing of the request."""
    return HttpResponse(status, REASON_TYPE, f"{reason}\n".encode("ascii"), NO_STORE, headers)


def media_type(value: str) -> str:
    """The media type in a Content-Type header, without its parameters, in lower case (RFC 9110 §8.3.1)."""
    return value.partition(";")[0].strip().lower()


def accepts(header: str, wanted: str) -> bool:
    """Whether an Accept header takes the media type `wanted`; without a header everything is taken (RFC 9110 §12.5.1).

    The most specific range that fits decides; a weight of 0 means "not acceptable".
    """
    if header == wanted or not header.strip():
        return True
    ranges = dict(_read_range(part) for part in header.split(","))
    group = wanted.partition("/")[0]
    return next((ranges[fits] for fits in (wanted, f"{group}/*", "*/*") if fits in ranges), False)


def _read_range(part: str) -> tuple[str, bool]:
    """A media range and whether its weight is more than 0."""
    kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
    weights = [text[2:] for text in parameters if text.startswith("q=")]
    return kind, not weights or weights[0].strip("0.") != ""
