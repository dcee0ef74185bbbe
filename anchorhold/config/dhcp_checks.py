"""What the tables of `[dhcp]` can be wrong about together: two things at one place, something in no place, too little for all."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from anchorhold.config.dhcp_values import Range, is_host
from anchorhold.config.errors import Path, show_path
from anchorhold.config.names import Address, Network, overlap
from anchorhold.config.notes import Notes
from dhcp.settings import Reservation, Subnet

Block = tuple[Path, ipaddress.IPv6Network]


@dataclass(frozen=True, slots=True)
class ReadSubnet:
    """A subnet as read. `network` and `subnet` are None if its prefix is wrong. `ranges` are those pools that could be read, each
    with its position."""

    path: Path
    network: Network | None
    subnet: Subnet | None
    ranges: tuple[tuple[int, Range], ...]


@dataclass(frozen=True, slots=True)
class ReadHost:
    """A reservation as read, with the places of what it reserves."""

    path: Path
    reservation: Reservation
    addresses: tuple[tuple[Path, Address], ...]
    prefixes: tuple[Block, ...]


def check_together(subnets: list[ReadSubnet], hosts: list[ReadHost], notes: Notes, classes: tuple[str, ...]) -> None:
    """Note everything two tables contradict each other in."""
    whole = [one for one in subnets if one.network is not None]
    _check_subnets(whole, notes)
    _check_pools(whole, notes)
    _check_delegations(whole, notes)
    _check_classes(whole, hosts, notes, classes)
    _check_identities(hosts, whole, notes)
    _check_addresses(hosts, whole, notes)
    _check_prefixes(hosts, whole, notes)
    _check_names(hosts, notes)
    _check_sizes(hosts, whole, notes)


def _check_subnets(subnets: list[ReadSubnet], notes: Notes) -> None:
    for position, one in enumerate(subnets):
        for other in subnets[:position]:
            if one.network is not None and other.network is not None and overlap(one.network, other.network):
                notes.note(
                    (*one.path, "prefix"),
                    f"{one.network} overlaps {other.network} of {show_path(other.path)}",
                    "every address belongs to one subnet; correct one of both",
                )


def _check_pools(subnets: list[ReadSubnet], notes: Notes) -> None:
    for one in subnets:
        for position, (place, found) in enumerate(one.ranges):
            path: Path = (*one.path, "pools", place)
            for _, other in one.ranges[:position]:
                if found.overlaps(other):
                    notes.note(path, f"{found} overlaps {other}", "every address is in one pool; correct one of both")
            for router in one.subnet.routers if one.subnet is not None else ():
                address = ipaddress.ip_address(router)
                if found.holds(address):
                    notes.note(path, f"the router {address} is in it", "leave the router's address out of the pools")


def _blocks(subnets: list[ReadSubnet]) -> Iterator[Block]:
    for one in subnets:
        for place, delegation in enumerate(one.subnet.delegations if one.subnet is not None else ()):
            if delegation.prefix:
                network = ipaddress.IPv6Network((delegation.prefix, delegation.prefix_length))
                yield (*one.path, "delegations", place), network


def _check_delegations(subnets: list[ReadSubnet], notes: Notes) -> None:
    blocks = list(_blocks(subnets))
    for position, (path, block) in enumerate(blocks):
        for other_path, other in blocks[:position]:
            if block.overlaps(other):
                notes.note(
                    path,
                    f"{block} overlaps {other} of {show_path(other_path)}",
                    "every prefix is given by one; correct one",
                )
    for one in subnets:
        if one.network is None or one.network.version != 6:
            continue
        for path, block in blocks:
            if overlap(one.network, block) and not _is_excluded(one.network, path, subnets):
                hint = f'write excluded = ["{one.network}"], or delegate another prefix'
                notes.note(path, f"{block} overlaps the subnet {one.network}, which a router would get", hint)


def _is_excluded(network: Network, path: Path, subnets: list[ReadSubnet]) -> bool:
    for one in subnets:
        for place, delegation in enumerate(one.subnet.delegations if one.subnet is not None else ()):
            if (*one.path, "delegations", place) == path:
                excluded = (ipaddress.ip_network(item) for item in delegation.excluded)
                return any(network.version == 6 and network.subnet_of(item) for item in excluded if item.version == 6)
    return False


def _check_classes(subnets: list[ReadSubnet], hosts: list[ReadHost], notes: Notes, classes: tuple[str, ...]) -> None:
    for one in subnets:
        for place, pool in enumerate(one.subnet.pools if one.subnet is not None else ()):
            for number, name in enumerate(pool.classes):
                notes.known((*one.path, "pools", place, "classes", number), name, classes, "class")
    for host in hosts:
        for number, name in enumerate(host.reservation.classes):
            notes.known((*host.path, "classes", number), name, classes, "class")


def _check_identities(hosts: list[ReadHost], subnets: list[ReadSubnet], notes: Notes) -> None:
    """One device in two tables is a mistake, unless they are for different subnets."""
    owners: dict[tuple[str, object, str], Path] = {}
    for host in hosts:
        where = _where(host, subnets)
        for key in ("hardware", "identifiers", "duids", "hosts"):
            for place, value in enumerate(getattr(host.reservation, key)):
                owner = owners.setdefault((key, value, where), host.path)
                if owner != host.path:
                    hint = f"it is in {show_path(owner)} too; leave it in one of them"
                    notes.note((*host.path, key, place), "this device is named twice", hint)


def _where(host: ReadHost, subnets: list[ReadSubnet]) -> str:
    for _, address in host.addresses:
        for one in subnets:
            if one.network is not None and address in one.network:
                return str(one.network)
    return ""


def _check_addresses(hosts: list[ReadHost], subnets: list[ReadSubnet], notes: Notes) -> None:
    owners: dict[Address, Path] = {}
    blocks = list(_blocks(subnets))
    for host in hosts:
        for path, address in host.addresses:
            owner = owners.setdefault(address, host.path)
            if owner != host.path:
                notes.note(path, f"{address} is reserved twice, also in {show_path(owner)}", "leave it to one device")
            home = next((one for one in subnets if one.network is not None and address in one.network), None)
            if home is None or home.network is None or home.subnet is None:
                notes.note(
                    path, f"{address} is in no subnet", "correct it, or add its [[dhcp.subnet]]", ("dhcp", "subnet")
                )
            elif not is_host(address, home.network):
                notes.note(path, f"{address} is no host's address in {home.network}", "choose another")
            elif address.packed in home.subnet.routers:
                notes.note(path, f"{address} is a router's", "choose another")
            for block_path, block in blocks:
                if address in block and home is None:
                    notes.note(path, f"{address} is in {block} of {show_path(block_path)}", "choose another")


def _check_prefixes(hosts: list[ReadHost], subnets: list[ReadSubnet], notes: Notes) -> None:
    seen: list[Block] = []
    lengths = {
        (delegation.prefix, delegation.prefix_length): delegation.length
        for one in subnets
        for delegation in (one.subnet.delegations if one.subnet is not None else ())
    }
    for host in hosts:
        for path, prefix in host.prefixes:
            for _, other in seen:
                if prefix.overlaps(other):
                    notes.note(path, f"{prefix} overlaps {other}, which is reserved too", "leave it to one device")
            seen.append((path, prefix))
            for _, block in _blocks(subnets):
                length = lengths[block.network_address.packed, block.prefixlen]
                if prefix.overlaps(block) and prefix.prefixlen != length:
                    notes.note(path, f"{prefix} is no /{length} as others out of {block}", f"reserve a /{length} of it")
            for one in subnets:
                if one.network is not None and overlap(one.network, prefix):
                    notes.note(path, f"{prefix} overlaps the subnet {one.network}", "choose another")


def _check_names(hosts: list[ReadHost], notes: Notes) -> None:
    owners: dict[str, Path] = {}
    for host in hosts:
        name = host.reservation.name
        if name and owners.setdefault(name, host.path) != host.path:
            notes.note((*host.path, "name"), f"{name!r} is the name of {show_path(owners[name])} too", "choose another")


def _check_sizes(hosts: list[ReadHost], subnets: list[ReadSubnet], notes: Notes) -> None:
    reserved = [address for host in hosts for _, address in host.addresses]
    for one in subnets:
        if one.subnet is None or not one.ranges or len(one.ranges) != len(one.subnet.pools):
            continue
        size = sum(found.size for _, found in one.ranges)
        taken = sum(any(found.holds(address) for _, found in one.ranges) for address in reserved)
        path: Path = (*one.path, "pools")
        if taken >= size:
            notes.note(
                path, f"all {size} addresses are reserved, nobody else gets one", "enlarge the pools, or drop them"
            )
        elif one.subnet.changing_share and size * one.subnet.changing_share < 100:
            notes.note(
                path,
                f"{one.subnet.changing_share} % of {size} addresses is none, so no device with a changing address gets one",
                "enlarge the pools, raise changing_share, or write changing_share = 0",
            )
