"""The header fields of a request as nearly everybody sends them: that they keep RFC 9113 §8.2 and §8.3 is seen at a glance.

h2 asks seven questions of every field, one after the other; here it is one of most. Who is not ordinary is not wrong: h2 decides.
"""

import re
from collections.abc import Sequence

from net.h2_codecs import Header

_PSEUDO = frozenset((b":method", b":scheme", b":authority", b":path"))
_SPECIAL = frozenset(
    (b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"te", b"host", b"cookie")
)
"""Fields that may be forbidden, or have to fit to others."""

# > A field name MUST NOT contain characters in the ranges 0x00-0x20, 0x41-0x5a, or 0x7f-0xff … MUST NOT include a colon
_name = re.compile(rb"[!-9;-@\[-~]+").fullmatch
# > A field value MUST NOT contain the zero value …, line feed …, or carriage return … at any position … MUST NOT start or end
# > with an ASCII whitespace character
_value = re.compile(rb"[^\0\r\n\t ](?:[^\0\r\n]*[^\0\r\n\t ])?").fullmatch


def is_ordinary(headers: Sequence[Header]) -> bool:
    """Whether it begins with the four pseudo-headers, goes on with fields that anybody may send, and all are well-formed."""
    if {header[0] for header in headers[:4]} != _PSEUDO:
        return False
    for name, value in headers[:4]:
        if not _value(value) or (name == b":method" and value == b"CONNECT"):
            return False
    return all(_name(name) and name not in _SPECIAL and (not value or _value(value)) for name, value in headers[4:])
