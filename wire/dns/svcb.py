"""Service binding records: SVCB and HTTPS (RFC 9460 §2.2), and the parameters of DNS servers in them (RFC 9461).

priority u16 (0: an alias), target name uncompressed, parameters: key u16, length u16, value; keys ascending
"""

from typing import NamedTuple

from wire.dns.names import parse_name
from wire.errors import Malformed

MANDATORY, ALPN, NO_DEFAULT_ALPN, PORT, IPV4HINT, ECH, IPV6HINT, DOHPATH, OHTTP = range(9)
"""Keys (RFC 9460 §14.3.2, RFC 9461 §10.1, RFC 9540 §4)."""

MAX_PARAMETERS = 32

Parameters = tuple[tuple[int, bytes], ...]
"""Key and value, keys ascending."""


class Service(NamedTuple):
    """One record's data. `target` is a name in wire form; the root stands for the owner itself (RFC 9460 §2.5)."""

    priority: int
    target: bytes
    parameters: Parameters = ()

    def find(self, key: int) -> bytes | None:
        """The value of `key`; None where it is not there."""
        return dict(self.parameters).get(key)


def build_service(service: Service) -> bytes:
    """The record's data; parameters are put in order."""
    return service.priority.to_bytes(2, "big") + service.target + build_parameters(service.parameters)


def parse_service(data: bytes) -> Service:
    """Raises Malformed, also for keys that do not ascend, and for more than MAX_PARAMETERS."""
    if len(data) < 3:
        raise Malformed("service binding cut off", 0)
    target, at = _parse_target(data)
    return Service(int.from_bytes(data[:2], "big"), target, parse_parameters(data, at))


def _parse_target(data: bytes) -> tuple[bytes, int]:
    """The name and where it ends. > The target name is in uncompressed wire format (RFC 9460 §2.2)."""
    name, end = parse_name(data[2:], 0)
    if end != len(name):
        raise Malformed("compressed target name", 2)
    return name, end + 2


def build_parameters(parameters: Parameters) -> bytes:
    """The octets, keys ascending."""
    return b"".join(key.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value for key, value in sorted(parameters))


def parse_parameters(data: bytes, at: int = 0) -> Parameters:
    """Those from `at` to the end. Raises Malformed, also for keys that do not ascend, and for more than MAX_PARAMETERS."""
    found: list[tuple[int, bytes]] = []
    last = -1
    while at < len(data):
        key = int.from_bytes(data[at : at + 2], "big")
        start = at + 4
        at = start + int.from_bytes(data[start - 2 : start], "big")
        if start > len(data) or at > len(data) or key <= last or len(found) == MAX_PARAMETERS:
            raise Malformed("service parameter cut off, out of order, or one too many", start - 4)
        found.append((key, data[start:at]))
        last = key
    return tuple(found)


def build_alpn(protocols: tuple[str, ...]) -> bytes:
    """A list of ALPN identifiers, each 1 to 255 octets (RFC 9460 §7.1.1)."""
    return b"".join(bytes((len(octets),)) + octets for octets in map(str.encode, protocols))


def parse_alpn(data: bytes) -> tuple[bytes, ...]:
    """The identifiers in it. Raises Malformed for an empty list or one that does not fit."""
    found: list[bytes] = []
    at = 0
    while at < len(data):
        end = at + 1 + data[at]
        if not data[at] or end > len(data):
            raise Malformed("protocol list does not fit", at)
        found.append(data[at + 1 : end])
        at = end
    if not found:
        raise Malformed("empty protocol list", 0)
    return tuple(found)


def parse_hint(data: bytes, size: int) -> tuple[bytes, ...]:
    """The addresses of `size` octets (4 or 16) in a hint (RFC 9460 §7.3). Raises Malformed."""
    if not data or len(data) % size:
        raise Malformed("address hint of a wrong length", 0)
    return tuple(data[at : at + size] for at in range(0, len(data), size))


def parse_mandatory(data: bytes) -> tuple[int, ...]:
    """Keys that must be understood (RFC 9460 §8). Raises Malformed."""
    if not data or len(data) % 2:
        raise Malformed("list of mandatory keys of a wrong length", 0)
    return tuple(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
