"""Who has a pair with whom: all that cells say to each other goes over these, and the supervisor alone makes them."""

import socket
from collections.abc import Collection, Iterable
from typing import NamedTuple

from anchorhold.cell_process import CellProcess
from anchorhold.link import LinkType, PairName


class Cells(NamedTuple):
    """All there are; those that the configuration does not want do not run."""

    keeper: CellProcess
    lists: CellProcess
    resolvers: tuple[CellProcess, ...]
    """The first is asked for what is asked once: keys for the keeper, addresses for lists."""
    dhcp: CellProcess
    fronts: tuple[CellProcess, ...]
    """The first has the control socket, and asks all others for operators."""
    secures: tuple[CellProcess, ...]


Pair = tuple[LinkType, CellProcess, CellProcess]


def pairs_of(cells: Cells) -> tuple[Pair, ...]:
    """Every pair, and as what it is sent to both."""
    resolvers, dhcp, first = cells.resolvers, cells.dhcp, cells.fronts[0]
    return (
        *((LinkType.PEER, resolver, front) for resolver in resolvers for front in cells.fronts),
        *((LinkType.SECURE_PEER, resolver, secure) for resolver in resolvers for secure in cells.secures),
        *((LinkType.ROOT_PEER, resolvers[0], resolver) for resolver in resolvers[1:]),
        *((LinkType.KEEPER, resolver, cells.keeper) for resolver in resolvers),
        *((LinkType.HOSTS, dhcp, front) for front in cells.fronts),
        *((LinkType.SECURE_HOSTS, dhcp, secure) for secure in cells.secures),
        *((LinkType.FRONT_STATUS, front, first) for front in cells.fronts[1:]),
        *((LinkType.STATUS, secure, first) for secure in cells.secures),
        (LinkType.LISTS_PEER, resolvers[0], cells.lists),
        (LinkType.LISTS_STATUS, cells.lists, first),
    )


def introduce_started(pairs: Iterable[Pair], started: Collection[CellProcess]) -> None:
    """A fresh pair for each that one of `started` has an end of. A cell that is not there now is introduced when it starts."""
    for kind, one, other in pairs:
        if (one in started or other in started) and one.link is not None and other.link is not None:
            introduce(kind, one, other)


def introduce(kind: LinkType, one: CellProcess, other: CellProcess) -> None:
    """A fresh pair between two cells, sent as `kind`; each side lets go of the former one."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    for cell, partner, end in ((one, other, ends[0]), (other, one, ends[1])):
        name = PairName(kind, partner.number)
        cell.partners[name.octets] = partner
        cell.send(kind, name.body, (end.fileno(),))
        end.close()
