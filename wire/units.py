"""Numbers that must not be mixed up, told apart by the type checker."""

from typing import NewType

Instant = NewType("Instant", float)
"""Seconds of the monotonic clock; comparable between processes of one machine, meaningless elsewhere."""

Epoch = NewType("Epoch", float)
"""Seconds since 1970 (wall clock); may jump."""

Seconds = NewType("Seconds", float)
"""A span of time."""

Ttl = NewType("Ttl", int)
"""Whole seconds a record may be kept, 0 to 2**31 - 1 (RFC 2181 §8)."""


def later(start: Instant, span: Seconds) -> Instant:
    """`start` moved by `span`."""
    return Instant(start + span)
