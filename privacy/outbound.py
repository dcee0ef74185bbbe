"""`conceal`: the one place where a query that leaves gets its outer form.

What leaves is the question, RD, CD as asked, and an EDNS record of our own. There is no parameter through which
anything else of the client could come.
"""

from collections.abc import Callable
from functools import lru_cache

from privacy.channel import Channel, Kind
from privacy.padding import query_padding
from wire.dns.codes import EdnsOption, HeaderFlag, QueryFlag
from wire.dns.edns import build_opt
from wire.dns.message import build_query

PAYLOAD = 1232
"""The UDP payload we accept: no fragment on any common path."""

OPTS_KEPT = 512
"""EDNS records kept as they were written: one for each length of padding, and for each cookie."""

_OPT_HEADER = 11
_MESSAGE_HEADER = 12
_LETTERS = bytes(0x20 if 0x61 <= octet <= 0x7A else 0 for octet in range(256))
"""For each octet the bit that makes a lower-case letter an upper-case one."""

# Plain numbers: enum arithmetic costs a microsecond.
_DO, _CD = int(QueryFlag.DO), int(QueryFlag.CD)
_RD, _RD_CD = int(HeaderFlag.RD), int(HeaderFlag.RD | HeaderFlag.CD)


def conceal(question: bytes, flags: int, channel: Channel, entropy: Callable[[int], bytes]) -> bytes:
    """The query to send for `question` (folded name, type, class; `flags`: QueryFlag bits), with id 0.

    DO and CD are passed on, AD and everything else is not. Encrypted channels: padded to a multiple of 128 octets
    (RFC 8467 §4.1), oblivious ones around the message (`privacy/odoh.py`). Clear ones: a cookie if the channel has one
    (RFC 7873), and random letter case over UDP (0x20). To servers that are not asked to resolve neither RD nor CD is said.
    """
    padding = -1
    if channel.encrypted:
        length = _MESSAGE_HEADER + len(question) + _OPT_HEADER
        # An envelope has padding of its own; the empty option asks for a padded answer (RFC 8467 §4.2).
        padding = 0 if channel.kind is Kind.ODOH else query_padding(length)
    if channel.kind is Kind.UDP:
        question = _random_case(question, entropy)
    header = (_RD_CD if flags & _CD else _RD) if channel.recursion else 0
    opt = _opt(bool(flags & _DO), padding, channel.cookie) if channel.edns else b""
    return build_query(question, header, opt)


@lru_cache(OPTS_KEPT)
def _opt(do: bool, padding: int, cookie: bytes) -> bytes:
    """`padding`: octets of it; -1: none, and the cookie if there is one. Nothing of the question is in it."""
    if padding >= 0:
        return build_opt(PAYLOAD, do, [(EdnsOption.PADDING, bytes(padding))])
    return build_opt(PAYLOAD, do, [(EdnsOption.COOKIE, cookie)] if cookie else [])


def _random_case(question: bytes, entropy: Callable[[int], bytes]) -> bytes:
    """Each letter of the name in upper or lower case by one random bit; type and class stay."""
    name, rest = question[:-4], question[-4:]
    # Octets of length are at most 63 and so no letters.
    letters = int.from_bytes(name.translate(_LETTERS), "big")
    bits = int.from_bytes(entropy(len(name)), "big") & letters
    return (int.from_bytes(name, "big") ^ bits).to_bytes(len(name), "big") + rest
