"""What a relay passes on for others: between the cell that knows clients and the one that connects out (RFC 9230 §4).

A CARRIED body, little-endian: outcome u8, status u16, media type u8 (0: another or none, 1: oblivious message), then the
target's body. The status is the target's, or ours if it gave none.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum

from wire.errors import Malformed

MAX_QUERY = 4_096
"""Octets of a sealed query that are carried; with its padding a question has some hundred."""

MAX_ANSWER = 65_535
"""Octets of a sealed answer, and of keys."""

_HEAD = struct.Struct("<BHB")


class Outcome(IntEnum):
    """How it went, with the error type of RFC 9209 §2.3 and the status for each that is not a target's response."""

    ANSWERED = 0
    UNAVAILABLE = 1
    TIMEOUT = 2
    PROHIBITED = 3
    TLS = 4
    NONSENSE = 5
    TOO_MUCH = 6


ERRORS: dict[Outcome, tuple[int, str]] = {
    Outcome.UNAVAILABLE: (502, "destination_unavailable"),
    Outcome.TIMEOUT: (504, "connection_timeout"),
    Outcome.PROHIBITED: (502, "destination_ip_prohibited"),
    Outcome.TLS: (502, "tls_certificate_error"),
    Outcome.NONSENSE: (502, "http_protocol_error"),
    Outcome.TOO_MUCH: (503, "connection_limit_reached"),
}


@dataclass(frozen=True, slots=True)
class Carried:
    """What came back. `oblivious`: the target says that it is an oblivious message."""

    outcome: Outcome
    status: int = 0
    oblivious: bool = False
    body: bytes = b""


def build_carried(carried: Carried) -> bytes:
    """The body of a CARRIED."""
    return _HEAD.pack(carried.outcome, carried.status, carried.oblivious) + carried.body


def parse_carried(data: bytes) -> Carried:
    """What is in the body of a CARRIED. Raises Malformed."""
    if len(data) < _HEAD.size:
        raise Malformed("what was carried is cut off")
    outcome, status, kind = _HEAD.unpack_from(data)
    if outcome >= len(Outcome) or kind > 1 or len(data) - _HEAD.size > MAX_ANSWER:
        raise Malformed("what was carried does not decode")
    if (outcome == Outcome.ANSWERED) != (100 <= status <= 999) or (outcome and len(data) > _HEAD.size):
        raise Malformed("what was carried contradicts itself")
    return Carried(Outcome(outcome), status, bool(kind), data[_HEAD.size :])
