"""HOSTS: what the dhcp cell tells `front` of the names of leases, over the framing of `anchorhold/ipc.py`.

The body is msgpack: an array of arrays `[name, [address, …], gone, left]`, see `resolver.local.Host`. On a fresh pair the dhcp
cell tells all that it knows, in as many messages as that takes, the first with the flag ALL, all but the last with MORE; till the
last has come, `front` answers with what it knew before. From then on it tells what changes, when it changes: also that a lease
was renewed, for no answer lives longer than what is `left`. A reservation with a name and addresses is told like a lease that
does not end, and stays while the configuration has it.
"""

from collections.abc import Iterator, Sequence

import msgspec

from anchorhold.ipc import Message, MessageType, build_message
from resolver.local import Host
from wire.dns.names import ROOT, parse_name, read_name
from wire.errors import Malformed

ALL = 1
"""Flag of HOSTS: what was known before is to be forgotten; this message begins with all of it anew."""

MORE = 2
"""Flag of HOSTS: that was not all of it yet, another message follows."""

MAX_HOSTS = 128
"""Changes in one message."""

MAX_ADDRESSES = 16
"""Addresses in one change. As many changes as may be with as many addresses fit into `anchorhold.ipc.MAX_BODY`."""

MAX_LEFT = 2**32 - 1
"""Seconds: DHCP's word for a lease that does not end."""

_FLAGS = (0, ALL, MORE, ALL | MORE)


def host_of(name: str, domain: str, addresses: tuple[bytes, ...], left: int, *, gone: bool = False) -> Host:
    """What `front` is told of a name that comes or goes; `left` as in `Host`. Raises ValueError if it is no domain name."""
    return Host(read_name(f"{name}.{domain}"), addresses, gone, min(left, MAX_LEFT))


def build_hosts(hosts: Sequence[Host], *, everything: bool = False) -> Iterator[bytes]:
    """The HOSTS messages that tell `hosts`; with `everything` they replace what was told before, and there is at least one.

    A host has at most MAX_ADDRESSES addresses, `left` is at most MAX_LEFT.
    """
    pieces = [hosts[at : at + MAX_HOSTS] for at in range(0, len(hosts), MAX_HOSTS)] or [()] * everything
    for number, piece in enumerate(pieces):
        flags = 0
        if everything:
            flags = (ALL if number == 0 else 0) | (MORE if number + 1 < len(pieces) else 0)
        yield build_message(MessageType.HOSTS, 0, msgspec.msgpack.encode(piece), flags=flags)


def parse_hosts(message: Message) -> tuple[Host, ...]:
    """What a HOSTS message tells. Raises Malformed."""
    if message.flags not in _FLAGS:
        raise Malformed("HOSTS with an unknown flag")
    try:
        hosts = msgspec.msgpack.decode(message.body, type=tuple[Host, ...])
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed(f"HOSTS: {error}") from None
    if len(hosts) > MAX_HOSTS:
        raise Malformed("HOSTS with too many changes")
    for host in hosts:
        _check(host)
    return hosts


def _check(host: Host) -> None:
    name, end = parse_name(host.name, 0)
    if name != host.name or end != len(name) or name == ROOT:
        raise Malformed("HOSTS: a name that is not a folded name")
    if len(host.addresses) > MAX_ADDRESSES or any(len(address) not in (4, 16) for address in host.addresses):
        raise Malformed("HOSTS: no address, or too many")
    if not host.addresses and not host.gone:
        raise Malformed("HOSTS: a name without an address")
    if not 0 <= host.left <= MAX_LEFT:
        raise Malformed("HOSTS: seconds out of range")
