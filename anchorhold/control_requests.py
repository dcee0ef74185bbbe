"""What operators' requests hold: one JSON object on one line, read and checked, and the argument of the FACT that it becomes."""

import json

from anchorhold.ipc import EVERY_GROUP, MAX_REQUEST, SO_FAR
from wire.dns.names import parse_name
from wire.errors import Malformed

MAX_REASON = 1_000
"""Characters that are passed on."""

MAX_PAUSE = 86_400
MAX_WATCH = 3_600
"""Seconds that a pause, and a view of what is blocked, may last; the resolver takes no more either."""

Line = dict[str, object]


class BadRequest(Exception):
    """A request that cannot be carried out; the text goes back to the operator."""


def read_request(line: bytes) -> Line:
    """The object on the line. Raises BadRequest."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        raise BadRequest("the request is not one JSON object on one line") from None
    if not isinstance(request, dict) or not isinstance(request.get("verb"), str):
        raise BadRequest('the request needs a "verb"')
    return request


def exception_argument(request: Line) -> bytes:
    """The argument of EXCEPT. What may be is decided by the keeper."""
    zone, seconds, reason = octets(request, "zone"), request.get("seconds"), request.get("reason", "")
    if not isinstance(seconds, int) or not isinstance(reason, str) or not 0 <= seconds < 2**32:
        raise BadRequest("except needs a zone, seconds and a reason")
    try:
        name, end = parse_name(zone, 0)
    except Malformed:
        raise BadRequest("the zone is no domain name") from None
    if name != zone or end != len(zone) or len(reason) > MAX_REASON:
        raise BadRequest("the zone is no domain name, or the reason is too long")
    return seconds.to_bytes(4, "little") + zone + reason.encode(errors="replace")


def inner_argument(request: Line) -> bytes:
    """The argument of LEASES and LISTS: the inner object, unread."""
    inner = request.get("request")
    if not isinstance(inner, dict):
        raise BadRequest(f'{request["verb"]} needs a "request", an object')
    try:
        argument = json.dumps(inner, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        raise BadRequest("the request holds what is no JSON, or no text") from None
    if len(argument) > MAX_REQUEST:
        raise BadRequest(f"the request is longer than {MAX_REQUEST} octets")
    return argument


def octets(request: Line, field: str) -> bytes:
    """The octets that a field holds in hexadecimal; none if there is no such text. Raises BadRequest."""
    value = request.get(field)
    try:
        return bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        raise BadRequest(f"{field} is not hexadecimal") from None


def pause_argument(request: Line, groups: tuple[str, ...]) -> tuple[bytes, int]:
    """The argument of PAUSE and the number of the group in its header. `groups`: the names of all, in their order."""
    seconds, group = seconds_of(request, MAX_PAUSE), request.get("group")
    if group is None:
        return seconds.to_bytes(4, "little") + EVERY_GROUP, 0
    if group not in groups:
        raise BadRequest(f"there is no client group {group!r}; there are: {', '.join(groups)}")
    return seconds.to_bytes(4, "little"), groups.index(group)


def blocked_argument(request: Line) -> bytes:
    """The argument of BLOCKED."""
    seconds = SO_FAR if request.get("seconds") is None else seconds_of(request, MAX_WATCH)
    return seconds.to_bytes(4, "little")


def seconds_of(request: Line, longest: int) -> int:
    """How long; 0 ends it. Raises BadRequest."""
    seconds = request.get("seconds")
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 <= seconds <= longest:
        raise BadRequest(f"{request['verb']} needs seconds, a number from 0 (it ends) to {longest}")
    return seconds
