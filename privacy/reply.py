"""`dress`: the one place where an answer to a client gets its outer form.

The resolver's undressed answer is the same for everybody; id, spelling, ages, EDNS, cookie, explanation, padding and
truncation are put on here, for one client.
"""

from functools import lru_cache
from typing import NamedTuple

from privacy.padding import reply_padding
from wire.dns.codes import EdnsOption
from wire.dns.edns import build_opt

PAYLOAD = 1232
"""The UDP payload we announce."""

MINIMUM_PAYLOAD = 512
"""RFC 6891 §6.2.3: values lower than 512 are treated as 512."""

_QUESTION_AT = 12
_TC = 0x02
_NOT_AD = 0xDF
"""In the fourth octet (RFC 4035 §3)."""

_OPT_HEADER = 11
_OPTION_HEADER = 4


class Outer(NamedTuple):
    """What is particular to one client's query.

    `limit` is the most octets the road takes. `edns`: it sent an OPT, so it gets one. `cookie` is the whole content
    of the COOKIE option to give, or empty. `explanations` are the contents of extended error options.
    `padded`: the channel is encrypted (RFC 8467). `extended_rcode`: the upper eight bits of the code. `ad`: it asked with AD,
    so it understands AD, as who sets DO does (RFC 6840 §5.7, §5.8).
    """

    identifier: bytes
    question: bytes
    limit: int
    edns: bool
    do: bool = False
    cookie: bytes = b""
    explanations: tuple[bytes, ...] = ()
    padded: bool = False
    extended_rcode: int = 0
    ad: bool = False


def dress(message: bytes, ttl_offsets: tuple[int, ...], age: int, outer: Outer) -> bytes:
    """The octets to send: `message` (undressed, see resolver.values.Reply) for the client of `outer`.

    Every TTL is lowered by `age` seconds, not below zero. If the whole is longer than the limit, only header and
    question are sent, with TC (RFC 2181 §9, RFC 6891 §7: the OPT stays).
    """
    out = bytearray(message)
    out[0:2] = outer.identifier
    question_end = _QUESTION_AT + len(outer.question)
    out[_QUESTION_AT:question_end] = outer.question
    if not (outer.ad or outer.do):
        out[3] &= _NOT_AD
    if age:
        lower_ttls(out, ttl_offsets, age)
    if not outer.edns:
        return bytes(out) if len(out) <= outer.limit else _truncated(out, question_end, b"")
    opt = _opt(len(out), outer)
    if len(out) + len(opt) > outer.limit:
        return _truncated(out, question_end, _opt(question_end, outer))
    out[11] = 1
    out += opt
    return bytes(out)


def lower_ttls(out: bytearray, ttl_offsets: tuple[int, ...], age: int) -> None:
    """Lower the four-octet TTL at each offset by `age` seconds, not below zero, in place."""
    for at in ttl_offsets:
        left = int.from_bytes(out[at : at + 4], "big") - age
        out[at : at + 4] = left.to_bytes(4, "big") if left > 0 else b"\0\0\0\0"


def _truncated(out: bytearray, question_end: int, opt: bytes) -> bytes:
    out[2] |= _TC
    # What is left out proves nothing.
    out[3] &= _NOT_AD
    out[6:12] = b"\0\0\0\0\0\1" if opt else b"\0\0\0\0\0\0"
    return bytes(out[:question_end] + opt)


def _opt(length: int, outer: Outer) -> bytes:
    if not (outer.cookie or outer.explanations or outer.padded):
        return _plain_opt(outer.do, outer.extended_rcode)
    options: list[tuple[int, bytes]] = []
    size = length + _OPT_HEADER
    errors = ((EdnsOption.EXTENDED_ERROR, content) for content in outer.explanations)
    for code, content in ((EdnsOption.COOKIE, outer.cookie), *errors):
        if content:
            options.append((code, content))
            size += _OPTION_HEADER + len(content)
    if outer.padded and size + _OPTION_HEADER <= outer.limit:
        options.append((EdnsOption.PADDING, bytes(reply_padding(size, outer.limit))))
    return build_opt(PAYLOAD, outer.do, options, outer.extended_rcode)


@lru_cache(64)
def _plain_opt(do: bool, extended_rcode: int) -> bytes:
    """What most clients get: an OPT without options."""
    return build_opt(PAYLOAD, do, [], extended_rcode)
