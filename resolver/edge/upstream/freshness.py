"""What HTTP caches say of an answer's age, and the TTLs that follow from it (RFC 8484 §5.1, RFC 9111 §4.2)."""

from typing import NamedTuple

from wire.dns.message import parse_message

FOREVER = 2**31


class Freshness(NamedTuple):
    """`age`: seconds since the answer was made; `max_age`: seconds it was good for, from then on."""

    age: int = 0
    max_age: int = FOREVER

    @property
    def limits_anything(self) -> bool:
        """Whether any TTL could be changed by it."""
        return self.age > 0 or self.max_age < FOREVER


def read_freshness(known: Freshness, name: bytes, value: bytes) -> Freshness:
    """`known` and what one header adds; a value that is no number counts as not there."""
    if name == b"age":
        return known._replace(age=_seconds(value, 0))
    if name == b"cache-control":
        for directive in value.lower().split(b","):
            key, _, number = directive.strip().partition(b"=")
            if key == b"max-age":
                return known._replace(max_age=_seconds(number.strip(b'"'), FOREVER))
    return known


def lower_ttls(data: bytes, freshness: Freshness) -> bytes:
    """`data`, a DNS message, with every TTL reduced by the age and held to what is left of max-age.

    > The client MUST account for the Age of a response when calculating the DNS TTL (RFC 8484 §5.1)

    Raises Malformed.
    """
    message = parse_message(data)
    ceiling = max(0, freshness.max_age - freshness.age)
    changed = bytearray(data)
    for section in (message.answer, message.authority, message.additional):
        for record in section:
            ttl = min(max(0, record.ttl - freshness.age), ceiling)
            changed[record.ttl_offset : record.ttl_offset + 4] = ttl.to_bytes(4, "big")
    return bytes(changed)


def _seconds(text: bytes, otherwise: int) -> int:
    text = text.strip()
    return min(int(text), FOREVER) if text.isdigit() and len(text) <= 18 else otherwise
