"""dnsmasq's `dhcp-range` in all its modes, router advertisements, and the plain settings of its DHCP server.

v4: [tag:T,][set:T,]START[,END|static|proxy][,NETMASK[,BROADCAST]][,LEASE]
v6: [tag:T,][set:T,]START[,END|constructor:INTERFACE][,MODE…][,LENGTH][,LEASE]
"""

import ipaddress
import re
from dataclasses import dataclass, field

from anchorhold.config.names import Address, Network
from anchorhold.migrate.dhcp_hosts import SHORTEST, YEAR, read_span, subnet_of
from anchorhold.migrate.dnsmasq_file import Option
from anchorhold.migrate.dnsmasq_run import Run, Useless, class_of, is_address, read_address
from anchorhold.migrate.draft import Scalar, Table

DEFAULT_4, DEFAULT_6 = "1h", "24h"
"""What dnsmasq gives where no line says."""
MODES_6 = ("static", "ra-only", "slaac", "ra-names", "ra-stateless", "ra-advrouter", "off-link")
_ADDRESS_LIKE = re.compile(r"[0-9a-fA-F.: ]*")


def read_lease(text: str) -> tuple[str, str]:
    """A lease time as our span, and what differs (or ""). Raises Useless."""
    seconds = read_span(text)
    if seconds is None:
        raise Useless(f"{text!r} is no lease time")
    if text.lower() == "infinite":
        return "365d", "a lease lasts a year at most, and is renewed long before"
    kept = min(max(seconds, SHORTEST), YEAR)
    said = "" if kept == seconds else f"a lease lasts {SHORTEST} seconds at least and a year at most"
    unit, letter = next(
        (unit, letter) for unit, letter in ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")) if kept % unit == 0
    )
    return f"{kept // unit}{letter}", said


@dataclass
class Net:
    """One subnet being made. `tags` are what its ranges set, `pools` first and last address, classes and line of each."""

    network: Network
    table: Table
    interface: str
    tags: set[str] = field(default_factory=set)
    pools: list[tuple[Address, Address, tuple[str, ...], int]] = field(default_factory=list)


@dataclass
class Range:
    """The fields of a line. `sets` and `needs` are tags."""

    sets: list[str]
    needs: list[str]
    fields: list[str]


def _range(option: Option) -> Range:
    sets, needs, fields = [], [], option.parts()
    while fields:
        head = fields[0]
        if head.startswith(("tag:", "net:")):
            needs.append(head[4:])
        elif head.startswith("set:"):
            sets.append(head[4:])
        elif head and not _ADDRESS_LIKE.fullmatch(head):
            sets.append(head)
        else:
            break
        del fields[0]
    if not fields or not fields[0]:
        raise Useless("it names no address")
    return Range(sets, needs, fields)


class DhcpFamily:
    """Ranges, advertisements, plain settings."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._report = run.report
        self.subnets: list[Net] = []

    def all(self) -> None:
        """Read them; `dhcp` is in the draft afterwards if addresses are given out."""
        each = self._run.each
        each(self._dhcp_range, "dhcp-range")
        each(self._enable_ra, "enable-ra")
        each(self._ra_param, "ra-param")
        each(self._shared, "shared-network")
        each(self._flag, "dhcp-authoritative", "no-ping", "dhcp-rapid-commit", "dhcp-fqdn")
        if self.subnets and not self._run.domain():
            self._run.report.advise(
                "dnsmasq named devices without a domain (no domain= in the files); here they are NAME.home.arpa, and the search "
                "domain is told to them"
            )

    def fours(self) -> list[Net]:
        """Subnets of IPv4."""
        return [net for net in self.subnets if net.network.version == 4]

    def finish_pools(self) -> None:
        """Write the pools, routers left out."""
        for net in self.subnets:
            routers = sorted(ipaddress.ip_address(str(one)) for one in net.table.values("routers"))
            for first, last, classes, place in net.pools:
                for start, end in _without(first, last, routers):
                    text = f"{start}-{end}" if start != end else str(start)
                    value: Scalar = {"range": text, "classes": list(classes)} if classes else text
                    where = net.table.add("pools", value, place)
                    self._report.kept(place, where)

    # Ranges.

    def _dhcp_range(self, option: Option) -> None:
        read = _range(option)
        address = read_address(read.fields[0].partition("%")[0])
        if address.version == 4:
            self._four(option, read, address)
        else:
            self._six(option, read, address)

    def _four(self, option: Option, read: Range, start: Address) -> None:
        rest = read.fields[1:]
        mode = rest.pop(0) if rest and rest[0] in ("static", "proxy") else ""
        if mode == "proxy":
            raise Useless("PXE beside another DHCP server (proxy) is not served")
        end = read_address(rest.pop(0)) if rest and not mode and is_address(rest[0]) else start
        if rest and rest[0] in ("static", "proxy"):
            mode = rest.pop(0)
        mask = rest.pop(0) if rest and "." in rest[0] else ""
        broadcast = rest.pop(0) if rest and "." in rest[0] else ""
        network, guessed = subnet_of(str(start), str(end), mask)
        if network is None:
            raise Useless(f"{start}, {end} and {mask or 'no netmask'} are no range of one network")
        if guessed:
            self._report.changed(
                option.place,
                f"dnsmasq takes the size of the network from the interface; {network} is a guess: correct it if needed",
            )
        net = self._net(option, read, network)
        if broadcast and broadcast != str(network.broadcast_address):
            net.table.table("options").set("broadcast-address", broadcast, option.place)
        self._lease(net, rest[0] if rest else DEFAULT_4, option)
        first, last = sorted((start, end), key=int)
        if mode == "static":
            self._report.kept(
                option.place, net.table.path, "no pool: only devices with an address of their own get one"
            )
            return
        self._pool(net, first, last, read, option)

    def _pool(self, net: Net, first: Address, last: Address, read: Range, option: Option) -> None:
        if any(need.startswith(("!", "#")) for need in read.needs) or len(read.needs) > 1:
            raise Useless("a pool is for the members of a class, not for those that are in none or in several at once")
        net.pools.append((first, last, tuple(class_of(need) for need in read.needs), option.place))

    def _net(self, option: Option, read: Range, network: Network, interface: str = "") -> Net:
        found = next((net for net in self.subnets if net.network == network), None)
        if found is None:
            interface = interface or self._interface(option, read, network)
            table = self._run.draft.table("dhcp").append("subnet", option.place)
            table.set("prefix", str(network))
            if interface:
                table.set("interface", interface)
            found = Net(network, table, interface)
            self.subnets.append(found)
        found.tags.update(read.sets)
        return found

    def _lease(self, net: Net, text: str, option: Option) -> None:
        if text == "deprecated":
            self._report.changed(option.place, "addresses of this range are not told to be deprecated")
            return
        span, said = read_lease(text)
        before = net.table.get("lease_time")
        if before is not None and before != span:
            self._report.changed(option.place, f"all pools of {net.network} have one lease time, {before}")
            return
        net.table.set("lease_time", span)
        if said:
            self._report.changed(option.place, said)

    # Which interface a network is on.

    def _candidates(self) -> list[str]:
        named = [part for option in self._run.reading.of("interface") for part in option.parts()]
        keywords = ("no-dhcp-interface", "no-dhcpv4-interface", "except-interface")
        without = {part for option in self._run.reading.of(*keywords) for part in option.parts()}
        return [
            one
            for one in dict.fromkeys(named)
            if one not in without and one not in ("lo", "") and not one.endswith("*")
        ]

    def _interface(self, option: Option, read: Range, network: Network) -> str:
        candidates = self._candidates()
        for tag in read.sets:
            name = tag.removeprefix("interface:")
            if name in candidates or name != tag:
                self._report.changed(
                    option.place, f"{tag!r} is only a tag in dnsmasq; here the subnet is on the interface {name}"
                )
                return name
        own = self._run.reading.reader.interface_in(network)
        if own:
            return own
        used = {net.interface for net in self.subnets if net.network.version == network.version}
        free = [one for one in candidates if one not in used] or candidates
        if not free:
            self._report.changed(option.place, "which interface it is on is in no line; eth0 is a guess: correct it")
            self._run.report.advise(
                "interface of a [[dhcp.subnet]]: no line of dnsmasq's names it, correct eth0 if it is another"
            )
            return "eth0"
        if len(candidates) > 1:
            self._report.changed(
                option.place, f"dnsmasq finds the interface by its address; {free[0]} is a guess: correct it if needed"
            )
        return free[0]

    # IPv6.

    def _six(self, option: Option, read: Range, start: Address) -> None:
        end, interface, modes, length, lease = start, "", set[str](), 64, DEFAULT_6
        for part in read.fields[1:]:
            if part.startswith("constructor:"):
                interface = part.removeprefix("constructor:")
            elif part in MODES_6:
                modes.add(part)
            elif is_address(part):
                end = read_address(part)
            elif (part.isdigit() and int(part[:4]) <= 128 and part != read.fields[-1]) or part == "64":
                length = int(part)
            elif part and part != "deprecated":
                lease = part
        for one, said in (
            ("ra-names", "names are not guessed from addresses"),
            ("ra-advrouter", "the router's own address is not in its prefix option"),
            ("off-link", "write on_link = false for the prefix"),
        ):
            if one in modes:
                self._report.changed(option.place, said)
        advertised = bool(modes & {"ra-only", "slaac", "ra-names", "ra-stateless"}) or self._run.has("enable-ra")
        if interface or int(start) < 2**64:
            self._constructed(option, read, interface, modes, end != start)
            return
        network = ipaddress.IPv6Network((int(start), length), strict=False)
        net = self._net(option, read, network)
        ended = len(read.fields) > 1 and is_address(read.fields[1])
        pooled = ended and "static" not in modes
        if pooled:
            first, last = sorted((start, end), key=int)
            self._pool(net, first, last, read, option)
        elif modes & {"ra-only", "slaac", "ra-names", "ra-stateless"}:
            net.table.set("stateless", True)
        self._lease(net, lease, option)
        self._report.kept(option.place, net.table.path)
        if advertised and net.interface:
            self._advertise(
                option, net.interface, pooled, "ra-stateless" in modes, str(network) if length == 64 else ""
            )

    def _constructed(self, option: Option, read: Range, interface: str, modes: set[str], addresses: bool) -> None:
        """Addresses made of whatever prefix an interface has."""
        names = [interface] if interface else self._candidates()
        if not names or any(name.endswith("*") for name in names):
            raise Useless("no interface is named; write [[dhcp.advertise]] for each")
        if not modes & {"ra-only", "slaac", "ra-names", "ra-stateless"} and not self._run.has("enable-ra"):
            raise Useless("a [[dhcp.subnet]] has its prefix written out; it does not follow the one of the interface")
        for name in names:
            self._advertise(option, name, False, False, "")
        if addresses or "ra-stateless" in modes:
            self._report.changed(
                option.place,
                "every /64 of the interface is advertised; DHCPv6 needs a [[dhcp.subnet]] with its prefix written out",
            )

    def _advertise(self, option: Option, interface: str, managed: bool, other: bool, prefix: str) -> None:
        advertised = [
            one for one in self._run.draft.table("dhcp").tables("advertise") if one.get("interface") == interface
        ]
        if advertised:
            table = advertised[0]
        else:
            table = self._run.draft.table("dhcp").append("advertise", option.place)
            table.set("interface", interface)
        if managed:
            table.set("managed", True)
        if other or managed:
            table.set("other", True)
        if prefix:
            table.add("prefixes", prefix)
        self._report.kept(option.place, table.path)

    def _enable_ra(self, option: Option) -> None:
        if "dhcp" in self._run.draft and "advertise" in self._run.draft.table("dhcp"):
            self._report.kept(option.place, "dhcp.advertise")
        else:
            raise Useless("there is no IPv6 range to advertise")

    def _ra_param(self, option: Option) -> None:
        interface, *rest = option.parts()
        tables = self._run.draft.table("dhcp").tables("advertise") if "dhcp" in self._run.draft else []
        meant = [one for one in tables if interface in ("*", one.get("interface"))]
        if not meant:
            raise Useless(f"nothing is advertised on {interface}")
        for table in meant:
            left = list(rest)
            if left and left[0].startswith("mtu:"):
                size = left.pop(0)[4:]
                if size.isdigit() and len(size) < 6:
                    table.set("mtu", int(size), option.place)
            if left and left[0] in ("high", "low"):
                table.set("preference", left.pop(0), option.place)
            if left and left[0].isdigit() and int(left[0][:6]):
                longest = max(4, min(int(left[0][:6]), 1_800))
                table.set("interval", [max(3, longest // 3), longest], option.place)
            if len(left) > 1 and left[1].isdigit():
                table.set("router_lifetime", min(int(left[1][:6]), 9_000), option.place)
            self._report.kept(option.place, table.path)

    # Plain settings.

    def _shared(self, option: Option) -> None:
        parts = [part for part in option.parts() if is_address(part)]
        nets = [net for net in self.subnets if any(read_address(part) in net.network for part in parts)]
        names = [net for net in self.subnets if net.interface in option.parts()]
        meant = list({id(net): net for net in (*names, *nets)}.values())
        if len(meant) < 2:
            raise Useless("it joins no two subnets that there are here")
        for net in meant:
            self._report.kept(option.place, net.table.set("shared", "link", option.place))

    def _flag(self, option: Option) -> None:
        if "dhcp" not in self._run.draft:
            raise Useless("no addresses are given out")
        dhcp = self._run.draft.table("dhcp")
        match option.keyword:
            case "dhcp-authoritative":
                self._report.kept(option.place, dhcp.set("authoritative", True, option.place))
            case "no-ping":
                self._report.kept(option.place, dhcp.set("conflict_check", False, option.place))
            case "dhcp-fqdn":
                self._report.kept(option.place, reason="devices are found with their domain only")
            case _:
                self._report.kept(
                    option.place, reason="two messages are enough for clients that ask for it: rapid_commit"
                )


def _without(first: Address, last: Address, taken: list[Address]) -> list[tuple[Address, Address]]:
    """The range in pieces, without these addresses."""
    pieces = []
    for address in taken:
        if address.version == first.version and int(first) <= int(address) <= int(last):
            if int(first) < int(address):
                pieces.append((first, address - 1))
            first = address + 1
    return [*pieces, (first, last)] if int(first) <= int(last) else pieces
