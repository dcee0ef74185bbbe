"""What a client of HTTP/2 says before it asks for anything. As long as that is all, no session is needed to read it."""

from net.h2_guard import HEADER, LAYOUT, PREFACE

LONGEST = 128
"""Octets; what common clients say has 110 at most."""

ACKNOWLEDGEMENT = b"\0\0\0\4\1\0\0\0\0"
"""A SETTINGS frame that acknowledges the other's (RFC 9113 §6.5)."""

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_SETTINGS, _WINDOW_UPDATE, _ACK = 4, 8, 1
_SETTING = 6
_ANY = (0, 2**32 - 1)
_PLAIN = {1: _ANY, 2: (0, 1), 3: _ANY, 4: (0, 2**31 - 1), 5: (2**14, 2**24 - 1), 6: _ANY}
"""The settings of RFC 9113 §6.5.2, and the values they may have."""


def is_greeting(said: bytes) -> bool:
    """Whether `said` is the preface and plain SETTINGS (RFC 9113 §3.4), whole, and behind them nothing but that ours are
    acknowledged and the window of the connection is larger. False means that it is to be read, not that it is wrong."""
    if len(said) > LONGEST or not said.startswith(_PREFACE):
        return False
    at, first = PREFACE, True
    while at + HEADER <= len(said):
        high, low, kind, flags, stream = LAYOUT.unpack_from(said, at)
        length = high << 16 | low
        body = said[at + HEADER : at + HEADER + length]
        if stream or len(body) < length or not (_is_plain if first else _is_little)(kind, flags, body):
            return False
        at += HEADER + length
        first = False
    return at == len(said) and not first


def _is_plain(kind: int, flags: int, body: bytes) -> bool:
    """Whether these are SETTINGS whose values are allowed."""
    if kind != _SETTINGS or flags or len(body) % _SETTING:
        return False
    for at in range(0, len(body), _SETTING):
        least, most = _PLAIN.get(int.from_bytes(body[at : at + 2], "big"), (1, 0))
        if not least <= int.from_bytes(body[at + 2 : at + _SETTING], "big") <= most:
            return False
    return True


def _is_little(kind: int, flags: int, body: bytes) -> bool:
    if kind == _WINDOW_UPDATE:
        return len(body) == 4 and 0 < int.from_bytes(body, "big") < 2**31
    return kind == _SETTINGS and flags == _ACK and not body
