"""Header fields of HTTP (RFC 9110 §5), whichever version carries them."""

from typing import NamedTuple


class Unindexed(NamedTuple):
    """A field that no table on the way may keep (RFC 7541 §7.1.3, RFC 9204 §7.1.3)."""

    name: bytes
    value: bytes
