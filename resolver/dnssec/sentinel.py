"""The root key trust anchor sentinel (RFC 8509): who asks learns whether a root key is trusted here.

A question for `root-key-sentinel-is-ta-NNNNN…` or `root-key-sentinel-not-ta-NNNNN…` is resolved like any other; only then the
answer is withheld if the name says the wrong thing about the anchors in force. Key-tag queries (RFC 8145), which tell the root's
servers the same about every resolver without being asked, are not sent.
"""

import re
from collections.abc import Collection

from resolver.dnssec.security import Security
from wire.dns.codes import RecordType

_BEGIN = b"root-key-sentinel-"
_LABEL = re.compile(rb"root-key-sentinel-(is|not)-ta-([0-9]{5})")
_TYPES = (int(RecordType.A), int(RecordType.AAAA))


def must_fail(
    name: bytes, rrtype: int, security: Security, tags: Collection[int], *, checking_disabled: bool = False
) -> bool:
    """Whether the answer to `name` (folded, as it was asked) must be SERVFAIL instead (RFC 8509 §3.1, §3.2): only one to a
    question for A or AAAA that was validated as secure, without CD. `tags`: of the root's anchors in force."""
    found = _said(name)
    if found is None or rrtype not in _TYPES or security is not Security.SECURE or checking_disabled:
        return False
    says_trusted, is_trusted = found[1] == b"is", int(found[2]) in tags
    return says_trusted is not is_trusted


def is_sentinel(name: bytes) -> bool:
    """Whether a name (folded) says something of the root's keys."""
    return _said(name) is not None


def _said(name: bytes) -> re.Match[bytes] | None:
    # Nearly every name says nothing of them.
    return _LABEL.fullmatch(name[1 : 1 + name[0]]) if name.startswith(_BEGIN, 1) else None
