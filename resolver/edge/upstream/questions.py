"""The question section as it was spelled, and whether an answer repeats it (RFC 5452 §3)."""

from wire.dns.names import skip_name

_AT = 12


def spelled_question(query: bytes) -> bytes:
    """Name, type and class of a query of ours, letter case as sent."""
    return query[_AT : skip_name(query, _AT) + 4]


def echoes_question(message: bytes, question: bytes) -> bool:
    """Whether the only question of `message` is `question`, letter for letter (0x20)."""
    return message[4:6] == b"\0\1" and message[_AT : _AT + len(question)] == question


def same_question(message: bytes, question: bytes) -> bool:
    """The same without regard to case; type and class are compared as they are."""
    found = message[_AT : _AT + len(question)]
    return message[4:6] == b"\0\1" and found[-4:] == question[-4:] and found[:-4].lower() == question[:-4].lower()
