"""How much padding a message gets so that its size says little (RFC 8467 §4)."""

QUERY_BLOCK = 128
REPLY_BLOCK = 468

_OPTION_HEADER = 4


def query_padding(length: int) -> int:
    """Octets of padding content for a query of `length` octets without the option, so that the whole is a multiple of
    128, the option's own four octets included."""
    return -(length + _OPTION_HEADER) % QUERY_BLOCK


def reply_padding(length: int, limit: int) -> int:
    """The same for a response and 468, never going beyond `limit` octets in all."""
    wanted = -(length + _OPTION_HEADER) % REPLY_BLOCK
    return max(0, min(wanted, limit - length - _OPTION_HEADER))


def filling(length: int, block: int) -> int:
    """Octets that make `length` a multiple of `block`, for padding outside of the message (RFC 9230 §6.1); none that would
    make it longer than 65535, the longest there is."""
    return max(0, min(-length % block, 65_535 - length))
