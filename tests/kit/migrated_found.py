"""Files of dnsmasq's that others wrote (`../shared/configs/`, where it is at hand), as cases: the interfaces and addresses that
each names are made for it.
"""

import re
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path

from kit.migrated import FOUND
from kit.migrated_beside import Case

NOT_RUN = {
    "Avicennasis_pxe-server--dnsmasq.conf": "port=0 and a proxy for network boot: it answers no name and gives out no address",
}
"""And why: there is nothing to compare."""
PLACEHOLDER = re.compile(r"<[A-Z_]+>")
FILLED = "192.168.250.1"
"""What stands for an address that its author left open."""
RESOLV = "198.18.53.53"
"""The server in /etc/resolv.conf where the file names none."""
FIRST, OTHERS = 5399, 5397
"""Marks of servers for all names, and of the first one for some."""


def cases() -> list[Case]:
    """All that can be run; none where the folder is not at hand."""
    return [case_of(path) for path in FOUND if path.name not in NOT_RUN]


def case_of(path: Path) -> Case:
    """What the file needs around it."""
    text = PLACEHOLDER.sub(FILLED, path.read_text())
    # Interfaces of 15 letters and lines with white space before them count too.
    said = re.findall(r"^\s*([a-z0-9-]+)\s*=\s*(.*?)(?:\s#.*)?\s*$", text, re.MULTILINE)
    ranges = [
        value for keyword, value in said if keyword == "dhcp-range" and "proxy" not in value and "::" not in value
    ]
    listens = [one for one in _parts(said, "listen-address") if not one.startswith("127.")]
    bridges = _bridges(said, [_reach(one) for one in ranges], [IPv4Address(one) for one in listens])
    if any("::" in value for keyword, value in said if keyword == "dhcp-range"):
        first = next(iter(bridges))
        bridges[first] += (f"{_first6(said)}1/64",)
    servers = _servers(said)
    named = any(mark == FIRST for mark in servers.values())
    port = next((int(value) for keyword, value in said if keyword == "port"), 53)
    joins = next((name for name, own in bridges.items() if ranges and _is_in(own[0], _reach(ranges[0])[0])), "")
    return Case(
        path.name,
        text,
        bridges,
        servers if named else {**servers, f"{RESOLV}#53": FIRST},
        "" if named else RESOLV,
        joins=joins,
        at=listens[0] if listens else "127.0.0.1",
        port=port,
        own=False,
    )


def _parts(said: list[tuple[str, str]], keyword: str) -> list[str]:
    return [part.strip() for key, value in said if key == keyword for part in value.split(",")]


def _reach(value: str) -> tuple[IPv4Network, IPv4Address]:
    """The network of a dhcp-range, and the address for us in it."""
    first, last, *rest = [one for one in value.split(",") if re.fullmatch(r"[\d.]+", one)]
    length = 24
    while IPv4Address(last) not in IPv4Network(f"{first}/{length}", strict=False):
        length -= 1
    network = IPv4Network(f"{first}/{rest[0] if rest else length}", strict=False)
    return network, network[1]


def _bridges(
    said: list[tuple[str, str]], reaches: list[tuple[IPv4Network, IPv4Address]], listens: list[IPv4Address]
) -> dict[str, tuple[str, ...]]:
    names = [one for one in _parts(said, "interface") if one != "lo"] or ["lan0"]
    addresses: list[IPv4Interface] = []
    for one in listens:
        length = next((network.prefixlen for network, _ in reaches if one in network), 24)
        addresses.append(IPv4Interface(f"{one}/{length}"))
    for network, own in reaches:
        if not any(one.ip in network for one in addresses):
            addresses.append(IPv4Interface(f"{own}/{network.prefixlen}"))
    made: dict[str, tuple[str, ...]] = dict.fromkeys(names, ())
    for number, address in enumerate(addresses):
        made[names[min(number, len(names) - 1)]] += (str(address),)
    return made


def _is_in(own: str, network: IPv4Network) -> bool:
    return IPv4Interface(own).ip in network


def _first6(said: list[tuple[str, str]]) -> str:
    """`fd00:1::` of the first IPv6 range."""
    value = next(value for keyword, value in said if keyword == "dhcp-range" and "::" in value)
    return value.split(",")[0].rpartition("::")[0] + "::"


def _servers(said: list[tuple[str, str]]) -> dict[str, int]:
    """`ADDRESS#PORT` to its mark: those for all names say the same, the others each something else."""
    servers: dict[str, int] = {}
    for keyword, value in said:
        if keyword != "server" or not value.rpartition("/")[2]:
            continue
        where, _, port = value.rpartition("/")[2].partition("#")
        mark = FIRST if "/" not in value else OTHERS - len(servers)
        servers.setdefault(f"{where}#{port or 53}", mark)
    return servers
