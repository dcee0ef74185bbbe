"""DNS over HTTPS for the server's side (RFC 8484): a request is taken for a DNS query or refused, an answer is dressed as a
response. Knows no connection and no HTTP library."""

import re
from binascii import Error, a2b_base64
from collections.abc import Sequence
from struct import Struct

from resolver.http import NO_STORE, HttpRequest, HttpResponse, accepts, media_type, refused
from wire.dns.codes import Rcode, RecordType
from wire.dns.names import skip_name
from wire.dns.peek import peek
from wire.errors import Malformed

MEDIA_TYPE = "application/dns-message"
MAX_BODY = 65_535
"""Octets of a DNS message (RFC 8484 §6)."""

_HEADER = 12
_QR = 0x80
_ALLOW = ("allow", "GET, POST")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_STANDARD = str.maketrans("-_", "+/")
_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")
"""The same for octets; what base64url has not is nothing to base64 then either."""
_PADDING = b"", b"===", b"==", b"="
"""By how many characters there are more than a multiple of four; one is wrong with any."""
_MESSAGES = frozenset((b"application/dns-message", b"*/*"))
"""What an ordinary client accepts."""
_COUNTS = Struct("!HHHH")
_FIXED = Struct("!HHIH")
_SOA, _OPT = int(RecordType.SOA), int(RecordType.OPT)
_TOP_BIT = 0x80000000
_CACHEABLE = frozenset((int(Rcode.NOERROR), int(Rcode.NXDOMAIN)))


def take_query(request: HttpRequest) -> bytes | HttpResponse:
    """The DNS message in a request, or the response that refuses it: 400, 405, 406, 413 or 415 (RFC 8484 §4.1).

    What it takes is at least a header and no response; `check_query` looks closer.
    """
    reader = _METHODS.get(request.method)
    if reader is None:
        return refused(405, "only GET and POST are served here", _ALLOW)
    taken = reader(request)
    if isinstance(taken, HttpResponse):
        return taken
    if not accepts(request.accept, MEDIA_TYPE):
        return refused(406, f"the answer is {MEDIA_TYPE} and nothing else")
    if len(taken) > MAX_BODY:
        return refused(413, "a DNS message has 65535 octets at most")
    if len(taken) < _HEADER or taken[2] & _QR:
        return refused(400, "this is no DNS query")
    return taken


def read_ordinary(headers: Sequence[tuple[bytes, bytes]], start: bytes) -> bytes | None:
    """The message in a GET as nearly everybody sends it, at a target that begins with `start` (the path and `?dns=`). None says
    nothing of the request: `take_query` is to be asked, and would take the same message where there is one here."""
    fields = dict(headers)
    target = fields.get(b":path", b"")
    if (
        not target.startswith(start)
        or fields.get(b":method") != b"GET"
        or fields.get(b":scheme") != b"https"
        or fields.get(b"accept", b"*/*") not in _MESSAGES
        or len(fields) != len(headers)
    ):
        return None
    text = target[len(start) :]
    try:
        if not text.isalnum():
            text = text.translate(_TO_STANDARD)
        return a2b_base64(text + _PADDING[len(text) & 3], strict_mode=True)
    except Error:
        return None


def check_query(message: bytes) -> HttpResponse | None:
    """Why `message` cannot be read as a DNS query, or None if it can."""
    try:
        peek(message)
    except Malformed:
        return refused(400, "this DNS query is malformed")
    return None


def build_answer(message: bytes) -> HttpResponse:
    """The response that carries a DNS answer; our own, so it is well-formed.

    Whatever its RCODE, the HTTP exchange went well (RFC 8484 §4.2.1).
    """
    return HttpResponse(200, MEDIA_TYPE, message, cache_control(message))


def cache_control(message: bytes) -> str:
    """How long an answer may be kept, and by whom.

    > The assigned freshness lifetime of a DoH HTTP response MUST be less than or equal to the smallest TTL in the Answer
    > section of the DNS response. (RFC 8484 §5.1)

    `private`: what we answer depends on who asks, so a cache that others share must not hand it on.
    """
    seconds = lifetime(message)
    return NO_STORE if seconds is None else f"private, max-age={seconds}"


def lifetime(message: bytes) -> int | None:
    """Seconds that `message` stays true: the least TTL of its answer and, for "there is none", what its SOA says (RFC 2308
    §5). None if nobody may keep it: failures, and answers that say nothing of time."""
    if message[3] & 15 not in _CACHEABLE:
        return None
    questions, answers, authorities, _ = _COUNTS.unpack_from(message, 4)
    least = None
    at = _HEADER
    for _ in range(questions):
        at = skip_name(message, at) + 4
    for number in range(answers + authorities):
        at = skip_name(message, at)
        rrtype, _, ttl, length = _FIXED.unpack_from(message, at)
        at += _FIXED.size + length
        if ttl & _TOP_BIT:
            ttl = 0  # RFC 2181 §8
        if number >= answers:
            if rrtype != _SOA:
                continue
            # MINIMUM is the last field of the data (RFC 1035 §3.3.13).
            ttl = min(ttl, int.from_bytes(message[at - 4 : at], "big"))
        if least is None or ttl < least:
            least = ttl
    return least


def label_below(path: str, base: str) -> str | None:
    """The label in `path`: "" for `base` itself, LABEL for `base/LABEL`, None for any other path."""
    if path == base:
        return ""
    parent, _, label = path.rpartition("/")
    return label or None if parent == base else None


def _read_get(request: HttpRequest) -> bytes | HttpResponse:
    """The message in `?dns=`."""
    query = request.query
    if query.startswith("dns=") and "&" not in query:
        text = query[4:]
    else:
        values = [text[4:] for text in query.split("&") if text.startswith("dns=")]
        if len(values) != 1:
            return refused(400, "one parameter dns= is needed")
        (text,) = values
    # > The DNS request … encoded with base64url … Padding characters for base64url MUST NOT be included. (RFC 8484 §6)
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        return refused(400, "dns= is not base64url without padding")
    return a2b_base64(text.translate(_STANDARD) + "=" * (-len(text) % 4))


def _read_post(request: HttpRequest) -> bytes | HttpResponse:
    """The message in the body."""
    if media_type(request.content_type) != MEDIA_TYPE:
        return refused(415, f"the content must be {MEDIA_TYPE}")
    return request.body


_METHODS = {"GET": _read_get, "POST": _read_post}
