"""Root hints: where the servers of the root are, from a master file (RFC 1035 §5, RFC 9609 §2)."""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import dns.exception
import dns.name
import dns.rdatatype
import dns.zone

from anchorhold.config.errors import Wrong
from anchorhold.config.names import show_domain
from resolver.settings import Authority

PACKAGED = "data/trust-anchors/root.hints"
"""In the package `anchorhold`; trust-anchors/README.md says where it is from."""

MAX_SERVERS = 64
"""Names in one file; the root has 13."""

_EXAMPLE = "write NS records of . and an A or AAAA record for each of their names"


@cache
def packaged_hints() -> tuple[Authority, ...]:
    """The hints that come with the program. Read once: the loader cannot open our files after it has given up its rights."""
    return read_hints(files("anchorhold").joinpath(PACKAGED).read_text(encoding="ascii"))


def read_hints(text: str) -> tuple[Authority, ...]:
    """The servers in `text`, in its order. Raises Wrong."""
    names: list[bytes] = []
    addresses: dict[bytes, list[str]] = {}
    for owner, rdata in _read_records(text):
        match rdata.rdtype:
            case dns.rdatatype.NS if owner == dns.name.root:
                names.append(_folded(rdata.target))
            case dns.rdatatype.A | dns.rdatatype.AAAA:
                addresses.setdefault(_folded(owner), []).append(rdata.address)
            case _:
                raise Wrong(f"{owner} {dns.rdatatype.to_text(rdata.rdtype)} is no root hint", _EXAMPLE)
    return _servers(names, addresses)


def _read_records(text: str) -> Iterator[tuple[dns.name.Name, Any]]:
    try:
        zone = dns.zone.from_text(
            text, dns.name.root, relativize=False, check_origin=False, allow_directives=("$TTL", "$ORIGIN")
        )
    except (dns.exception.DNSException, ValueError) as error:
        # The reader calls its text <string> and counts on after each line it has read.
        said = str(error).removeprefix("<string>:")
        raise Wrong(f"near line {said}" if said[:1].isdigit() else f"no master file: {said}", _EXAMPLE) from None
    return ((owner, rdata) for owner, _, rdata in zone.iterate_rdatas())


def _folded(name: dns.name.Name) -> bytes:
    return name.canonicalize().to_digestable()


def _servers(names: list[bytes], addresses: dict[bytes, list[str]]) -> tuple[Authority, ...]:
    if not 0 < len(names) <= MAX_SERVERS:
        raise Wrong(f"{len(names)} servers of the root are named", f"{_EXAMPLE}, at most {MAX_SERVERS}")
    for name in names:
        if name not in addresses:
            raise Wrong(f"{show_domain(name)} has no address", _EXAMPLE)
    for owner in addresses:
        if owner not in names:
            raise Wrong(f"{show_domain(owner)} has an address, but no NS record of . names it", _EXAMPLE)
    return tuple(Authority(name, tuple(addresses[name])) for name in names)
