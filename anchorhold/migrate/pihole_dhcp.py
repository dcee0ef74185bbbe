"""`[dhcp]` of pihole.toml."""

from anchorhold.migrate.dhcp_hosts import SHORTEST, YEAR, read_host, read_span, subnet_of, write_host
from anchorhold.migrate.document import Document, Way
from anchorhold.migrate.draft import Table
from anchorhold.migrate.words import address, domain

OFF = "no addresses were given out there (dhcp.active), so none are here"
HOME = ("start", "end", "netmask")


def carry_dhcp(document: Document, draft: Table, known: dict[str, str]) -> None:
    """Write it; `known` learns which hardware address has which address."""
    active = document.flag("dhcp", "active")
    hosts = [(way, read_host(document.text(*way))) for way in document.each("dhcp", "hosts")]
    for _, host in hosts:
        for hardware in host.hardware:
            for one in host.addresses[:1]:
                known.setdefault(hardware, one)
    if not active:
        document.kept(("dhcp", "active"))
        document.dropped(("dhcp",), OFF) if hosts else _off(document)
        return
    first, last = (document.text("dhcp", key) for key in ("start", "end"))
    prefix, guessed = subnet_of(first, last, document.text("dhcp", "netmask"))
    if prefix is None:
        document.dropped(("dhcp",), "start, end and netmask are no range of a network, so nothing can be given out")
        return
    dhcp = draft.table("dhcp")
    subnet = _subnet(document, dhcp, str(prefix), f"{first}-{last}")
    reason = f"guessed to be {prefix}: no netmask was written; correct prefix if it is another" if guessed else ""
    for key in HOME:
        document.changed(("dhcp", key), reason, subnet.path) if guessed else document.kept(("dhcp", key), subnet.path)
    document.kept(("dhcp", "active"), "dhcp")
    _rest(document, dhcp, subnet)
    for way, host in hosts:
        where = write_host(dhcp, host, document.place(*way))
        if not where:
            document.dropped(way, "it says neither a hardware address nor an identifier, or nothing of the device")
        elif host.odd:
            document.changed(way, f"left out: {', '.join(host.odd)[:120]}", where)
        else:
            document.kept(way, where)


def _off(document: Document) -> None:
    for place in document.below("dhcp"):
        if document.report.lines[place].verdict is None:
            document.report.kept(place, reason=OFF)


def _subnet(document: Document, dhcp: Table, prefix: str, pool: str) -> Table:
    subnet = dhcp.append("subnet", document.place("dhcp", "start"))
    subnet.set("prefix", prefix)
    interface = document.text("dns", "interface")
    if interface:
        document.kept(("dns", "interface"), subnet.set("interface", interface, document.place("dns", "interface")))
    else:
        subnet.set("interface", "eth0", comment="a guess, for none was named: put the interface of that network here")
        document.report.advise(
            '[[dhcp.subnet]] has interface = "eth0" as a guess: put the right one there (see: ip link)'
        )
    if not document.flag("dhcp", "ignoreUnknownClients"):
        subnet.set("pools", [pool])
    return subnet


def _rest(document: Document, dhcp: Table, subnet: Table) -> None:
    router = address(document.text("dhcp", "router"))
    if router is not None and not router.is_unspecified:
        document.kept(("dhcp", "router"), subnet.set("routers", [str(router)], document.place("dhcp", "router")))
    else:
        document.kept(("dhcp", "router"), reason="devices are told that this machine is the router")
    _lease_time(document, dhcp)
    name = domain(document.text("dns", "domain", "name") or document.text("dns", "domain") or "")
    if name and name != ".":
        dhcp.set("domain", name, document.place("dns", "domain"))
    rapid: Way = ("dhcp", "rapidCommit")
    document.kept(rapid, subnet.set("rapid_commit", document.flag(*rapid), document.place(*rapid)))
    document.kept(("dhcp", "ignoreUnknownClients"), f"{subnet.path}.pools")
    if document.flag("dhcp", "ipv6"):
        document.dropped(("dhcp", "ipv6"), "write an IPv6 [[dhcp.subnet]] and [[dhcp.advertise]]: docs/guide/dhcp.md")
    else:
        document.kept(("dhcp", "ipv6"))
    if document.flag("dhcp", "multiDNS"):
        document.dropped(("dhcp", "multiDNS"), "devices are told of this resolver once")
    else:
        document.kept(("dhcp", "multiDNS"))
    document.dropped(("dhcp", "logging"), "no address is logged; log_clients_until in [dhcp] does it to find a fault")


def _lease_time(document: Document, dhcp: Table) -> None:
    way: Way = ("dhcp", "leaseTime")
    text, place = document.text(*way), document.place(*way)
    span = read_span(text) if text else 3_600
    if span is None:
        document.dropped(way, f"{text[:40]!r} is no span of time")
    elif text.lower() == "infinite":
        document.changed(way, "a year is the longest here", dhcp.set("lease_time", span, place))
    else:
        document.kept(way, dhcp.set("lease_time", min(YEAR, max(SHORTEST, span)), place))
