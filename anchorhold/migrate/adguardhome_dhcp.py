"""`dhcp` of AdGuard Home, and the static leases that it keeps beside."""

import ipaddress

from anchorhold.leases.rows import Foreign
from anchorhold.migrate.dhcp_hosts import YEAR, KnownHost, subnet_of, write_host
from anchorhold.migrate.document import Document, Way
from anchorhold.migrate.draft import Table
from anchorhold.migrate.words import address, domain

OFF = "no addresses were given out there (dhcp.enabled), so none are here"
RANGE6 = 0xFF
"""The last number of a range of AdGuard Home's."""


def carry_dhcp(document: Document, draft: Table, fixed: list[Foreign]) -> None:
    """Write it; `fixed` are static leases."""
    if not document.flag("dhcp", "enabled"):
        for place in document.below("dhcp"):
            document.report.kept(place, reason=OFF)
        return
    first, last, mask = (document.text("dhcp", "dhcpv4", key) for key in ("range_start", "range_end", "subnet_mask"))
    prefix, _ = subnet_of(first, last, mask)
    if prefix is None:
        document.dropped(
            ("dhcp",), "range_start, range_end and subnet_mask are no range of a network, so nothing can be given out"
        )
        return
    dhcp = draft.table("dhcp", document.place("dhcp", "enabled"))
    document.kept(("dhcp", "enabled"), "dhcp")
    name = domain(document.text("dhcp", "local_domain_name"))
    if name and name != ".":
        way: Way = ("dhcp", "local_domain_name")
        document.kept(way, dhcp.set("domain", name, document.place(*way)))
    subnet = dhcp.append("subnet", document.place("dhcp", "dhcpv4", "range_start"))
    subnet.set("prefix", str(prefix))
    interface: Way = ("dhcp", "interface_name")
    document.kept(interface, subnet.set("interface", document.text(*interface) or "eth0", document.place(*interface)))
    subnet.set("pools", [f"{first}-{last}"])
    for key in ("range_start", "range_end", "subnet_mask"):
        document.kept(("dhcp", "dhcpv4", key), subnet.path)
    _rest(document, dhcp, subnet)
    _six(document, dhcp)
    for lease in fixed:
        hardware = ":".join(lease.hardware[at : at + 2] for at in range(0, len(lease.hardware), 2))
        host = KnownHost(hardware=[hardware], addresses=[lease.address], name=_label(lease.name))
        place = document.report.add(
            lease.where.rpartition(":")[0], int(lease.where.rpartition(":")[2]), f"static lease of {lease.address}"
        )
        document.report.kept(place, write_host(dhcp, host, place))


def _label(text: str) -> str:
    label = text.partition(".")[0].lower()
    return label if label.replace("-", "").isalnum() and label.isascii() and not label.startswith("-") else ""


def _rest(document: Document, dhcp: Table, subnet: Table) -> None:
    router = address(document.text("dhcp", "dhcpv4", "gateway_ip"))
    way: Way = ("dhcp", "dhcpv4", "gateway_ip")
    if router is not None:
        document.kept(way, subnet.set("routers", [str(router)], document.place(*way)))
    way = ("dhcp", "dhcpv4", "lease_duration")
    _span(document, way, dhcp)
    way = ("dhcp", "dhcpv4", "icmp_timeout_msec")
    wait = document.number(*way)
    document.kept(way, dhcp.set("conflict_check", bool(wait), document.place(*way)) if wait is not None else "")
    for one in document.each("dhcp", "dhcpv4", "options"):
        _option(document, one, subnet)


def _span(document: Document, way: Way, table: Table) -> None:
    seconds = document.number(*way)
    if seconds:
        written = max(10, min(YEAR, seconds))
        where = table.set("lease_time", written, document.place(*way))
        document.kept(way, where) if written == seconds else document.changed(way, "from ten seconds to a year", where)
    else:
        document.kept(way, reason="a day is what 0 means there; twelve hours is usual here")


def _option(document: Document, way: Way, subnet: Table) -> None:
    """`CODE TYPE VALUE`."""
    code, kind, value, *_ = (*document.text(*way).split(None, 2), "", "", "")
    match kind:
        case "hex":
            shown = f"hex:{value}"
        case "ip" | "ips":
            shown = ", ".join(part.strip() for part in value.split(","))
        case "text" | "str" | "u8" | "u16" | "bool":
            shown = value
        case "dur":
            shown = value.removesuffix("s") if value.removesuffix("s").isdigit() else ""
        case "del":
            shown = ""
        case _:
            document.dropped(way, "is not CODE TYPE VALUE")
            return
    if not code.isdigit() or (not shown and kind != "del"):
        document.dropped(way, "is not CODE TYPE VALUE")
        return
    document.kept(way, subnet.table("options").set(code, shown, document.place(*way)))


def _six(document: Document, dhcp: Table) -> None:
    start = address(document.text("dhcp", "dhcpv6", "range_start"))
    if start is None or start.version != 6:
        for place in document.below("dhcp", "dhcpv6"):
            document.report.kept(place, reason="no IPv6 addresses were given out there, so none are here")
        return
    way: Way = ("dhcp", "dhcpv6", "range_start")
    subnet = dhcp.append("subnet", document.place(*way))
    subnet.set("prefix", str(ipaddress.IPv6Network((int(start), 64), strict=False)))
    subnet.set("interface", document.text("dhcp", "interface_name") or "eth0")
    subnet.set("pools", [f"{start}-{ipaddress.IPv6Address(int(start) | RANGE6)}"])
    document.kept(way, subnet.path)
    seconds = document.number("dhcp", "dhcpv6", "lease_duration")
    if seconds:
        subnet.set("lease_time", max(10, min(YEAR, seconds)))
    document.kept(("dhcp", "dhcpv6", "lease_duration"), subnet.path)
    only, both = (document.flag("dhcp", "dhcpv6", key) for key in ("ra_slaac_only", "ra_allow_slaac"))
    where = ""
    if only or both:
        advertise = dhcp.append("advertise")
        advertise.set("interface", document.text("dhcp", "interface_name") or "eth0")
        advertise.set("managed", not only)
        advertise.set("other", not only)
        where = advertise.path
    for key in ("ra_slaac_only", "ra_allow_slaac"):
        document.kept(("dhcp", "dhcpv6", key), where)
