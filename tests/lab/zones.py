"""From the lab's plan to zone contents: NS records, addresses, glue, DS, signatures."""

from dataclasses import dataclass, replace
from pathlib import Path

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.zone
import lab.keys
from lab.damage import damaged
from lab.model import Glue, Server, Signing, Zone
from lab.plan import HOSTS, VANISHED
from lab.signers import Unsigned, sign_all
from lab.signing import ds_of, pair, sign

TTL = 3_600
SOA = "hidden.{origin} hostmaster.{origin} 1 7200 900 1209600 {minimum}"
MINIMUM = 300


@dataclass(frozen=True, slots=True)
class Content:
    """A zone as its servers get it."""

    zone: Zone
    data: dns.zone.Zone
    signed: str = ""

    @property
    def text(self) -> str:
        """Master file text, names in full: what a signer made of it, or the data as they are."""
        return self.signed or self.data.to_text(relativize=False, want_origin=True)


def build(tree: tuple[Zone, ...], now: int) -> dict[str, Content]:
    """All zones of `tree` by origin, signed at the Unix time `now`."""
    by_origin = {zone.origin: zone for zone in tree}
    assert len(by_origin) == len(tree), "two zones with one origin"
    return {origin: Content(zone, _build_one(zone, by_origin, now)) for origin, zone in by_origin.items()}


def seal(contents: dict[str, Content], folder: Path) -> dict[str, Content]:
    """The same with every zone that has a seal signed, and then damaged as it says. What signers write goes below `folder`."""
    wanted = [Unsigned(origin, one.text, one.zone.seal) for origin, one in contents.items() if one.zone.seal]
    signed = sign_all(wanted, folder)
    for origin in signed:
        damage = contents[origin].zone.damage
        if damage:
            signed[origin] = damaged(signed[origin], origin, damage)
    return {origin: replace(one, signed=signed.get(origin, "")) for origin, one in contents.items()}


def anchor(tree: tuple[Zone, ...]) -> str:
    """The root's DNSKEY as master file text: the trust anchor of whoever validates."""
    root = next(zone for zone in tree if zone.origin == ".")
    if root.seal is not None:
        return "".join(f". {TTL} IN DS {lab.keys.ds_of('.', vouch).to_text()}\n" for vouch in root.vouched)
    return f". {TTL} IN DNSKEY {pair('.', root.algorithm).public.to_text()}\n"


def hints(tree: tuple[Zone, ...]) -> str:
    """Root hints of this tree."""
    root = next(zone for zone in tree if zone.origin == ".")
    lines = [f". {TTL} IN NS {server.name}" for server in root.servers]
    return "\n".join(lines + [line for server in root.servers for line in address_lines(server)]) + "\n"


def address_lines(server: Server) -> list[str]:
    """What the name of `server` has: addresses, an alias, or nothing."""
    if server.alias:
        return [f"{server.name} {TTL} IN CNAME {server.alias}"]
    if not server.host:
        return []
    host = VANISHED if server.host == VANISHED.name else HOSTS[server.host]
    lines = {"4": f"{server.name} {TTL} IN A {host.v4}", "6": f"{server.name} {TTL} IN AAAA {host.v6}"}
    return [lines[family] for family in server.families]


def zone_of(name: str, origins: set[str]) -> str:
    """The deepest of `origins` around `name`."""
    while name not in origins:
        name = parent_name(name)
    return name


def parent_name(name: str) -> str:
    return name.partition(".")[2] or "."


def is_below(name: str, origin: str) -> bool:
    return origin == "." or name == origin or name.endswith("." + origin)


def _build_one(zone: Zone, tree: dict[str, Zone], now: int) -> dns.zone.Zone:
    soa = SOA.format(origin="" if zone.origin == "." else zone.origin, minimum=MINIMUM)
    lines = [f"$TTL {TTL}", f"$ORIGIN {zone.origin}", f"@ IN SOA {soa}", *_ns_lines(zone.origin, zone.servers)]
    lines += zone.records.splitlines()
    lines += [
        line
        for server in _servers(tree)
        if zone_of(server.name, set(tree)) == zone.origin
        for line in address_lines(server)
    ]
    for child in tree.values():
        if child.origin != "." and zone_of(parent_name(child.origin), set(tree)) == zone.origin:
            lines += _delegation(child, zone)
    data = dns.zone.from_text(
        "\n".join(dict.fromkeys(lines)) + "\n", zone.origin, relativize=False, allow_include=False
    )
    sign(data, zone, now)
    return data


def _servers(tree: dict[str, Zone]) -> list[Server]:
    """Every server that a zone names, once; what the zone itself says comes before what its parent says."""
    found: dict[str, Server] = {}
    for zone in tree.values():
        for server in zone.servers:
            found.setdefault(server.name, server)
    for zone in tree.values():
        for server in zone.parent_servers:
            found.setdefault(server.name, server)
    return list(found.values())


def _ns_lines(origin: str, servers: tuple[Server, ...]) -> list[str]:
    return [f"{origin} {TTL} IN NS {server.name}" for server in servers]


def _delegation(child: Zone, parent: Zone) -> list[str]:
    lines = _ns_lines(child.origin, child.parent_servers)
    stale = {server.name: server for server in child.stale_glue}
    for server in child.parent_servers:
        inside = child.origin if child.glue is Glue.OWN else parent.origin
        if child.glue is not Glue.NONE and is_below(server.name, inside) and not server.alias:
            lines += address_lines(stale.get(server.name, server))
    lines += [f"{child.origin} {TTL} IN DS {lab.keys.ds_of(child.origin, one).to_text()}" for one in child.vouched]
    if child.signing is not Signing.NONE and child.secure:
        lines.append(f"{child.origin} {TTL} IN DS {ds_of(child).to_text()}")
    return lines
