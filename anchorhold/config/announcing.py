"""What clients are told of the encrypted ways in, made of `[secure]` and `[listen]`: for `front` by name and address, for DHCP
in its own words."""

from collections.abc import Iterable, Sequence
from ipaddress import ip_address

from anchorhold.config.errors import Path
from anchorhold.config.names import read_address
from anchorhold.config.notes import Notes
from anchorhold.config.schema_secure import SecureTable
from anchorhold.config.service import ListenAddress, ServedAddress
from dhcp.settings import Announced
from resolver.policy.discovery import ALPN_OF
from resolver.settings import Announcement, Endpoint, Minimisation, ResolverSettings, SecureSettings, Served

MAX_URL = 247
"""Octets of a URL that fits into a character-string behind its key (RFC 9606 §4)."""


def announcement(
    table: SecureTable,
    secure: SecureSettings,
    places: tuple[Sequence[ServedAddress], Sequence[ListenAddress]],
    resolver: ResolverSettings,
    notes: Notes,
) -> Announcement:
    """`places` are the encrypted ways in, then the clear ones. Without a name nobody is sent there."""
    reached = _reached(table, places[1], notes)
    information = _information(table.information, notes)
    return Announcement(
        secure.name,
        endpoints_of(places[0], reached, all(map(_is_loopback, places[1]))),
        secure.path,
        tuple(label for label, _ in secure.identities),
        is_minimised(resolver),
        information,
    )


def _reached(table: SecureTable, clear: Sequence[ListenAddress], notes: Notes) -> tuple[bytes, ...]:
    """Where clients find us if we listen everywhere."""
    path: Path = ("secure", "addresses")
    said = [address.packed for _, address in notes.each(path, table.addresses, read_address)]
    return tuple(said) or tuple(_packed(one) for one in clear if _is_told(one))


def _information(url: str, notes: Notes) -> str:
    fine = url.startswith("https://") and url.isascii() and url.isprintable() and " " not in url and len(url) <= MAX_URL
    if url and not fine:
        hint = f"write https://…, ASCII without spaces, at most {MAX_URL} letters"
        notes.note(("secure", "information"), f"{url!r} is no such URL", hint)
    return url


def endpoints_of(
    served: Sequence[ServedAddress], reached: tuple[bytes, ...], at_home: bool = False
) -> tuple[Endpoint, ...]:
    """One for each scheme and port, with all of its addresses; for a wildcard those where clients find us, if that is known.
    Loopback addresses are told if all who hear it are `at_home`, on this machine; link-local ones to nobody."""
    found: dict[tuple[Served, int], dict[bytes, None]] = {}
    for one in served:
        own = _packed(one.address)
        if one.wildcard:
            told = tuple(address for address in reached if len(address) == len(own))
        elif _is_told(one.address) or (at_home and _is_loopback(one.address)):
            told = (own,)
        else:
            continue
        found.setdefault((one.served, one.address.port), {}).update(dict.fromkeys(told))
    return tuple(Endpoint(scheme, port, tuple(addresses)) for (scheme, port), addresses in found.items())


def announced(said: Announcement, served: Iterable[ServedAddress]) -> tuple[Announced, ...]:
    """The same for DHCP (RFC 9463), where a wildcard stands for our addresses on the client's link: whatever is served at one
    port in one way together."""
    together: dict[tuple[bool, int, tuple[bytes, ...]], dict[str, None]] = {}
    places: dict[tuple[Served, int], dict[bytes, None]] = {}
    for one in served:
        if one.wildcard or _is_told(one.address):
            places.setdefault((one.served, one.address.port), {})[_packed(one.address)] = None
    for (scheme, port), addresses in places.items():
        http = scheme in (Served.HTTPS, Served.H3)
        together.setdefault((http, port, tuple(addresses)), {})[ALPN_OF[scheme]] = None
    return tuple(
        Announced(said.name, tuple(alpn), port, f"{said.path}{{?dns}}" if http else "", addresses, 2 if http else 1)
        for (http, port, addresses), alpn in together.items()
    )


def is_minimised(resolver: ResolverSettings) -> bool:
    """Whether everything is asked of authoritative servers, and no name is shown to them whole before it must be (RFC 9156)."""
    ways = {way for route in resolver.routes for way in (route.upstream_group, route.fallback) if way >= 0}
    groups = len(resolver.upstream_groups)
    return bool(ways) and all(
        way >= groups and resolver.iterations[way - groups].minimisation is not Minimisation.OFF for way in ways
    )


def _packed(address: ListenAddress) -> bytes:
    return ip_address(address.host.partition("%")[0]).packed


def _is_told(address: ListenAddress) -> bool:
    """Whether others can reach us there, on every link."""
    parsed = ip_address(address.host.partition("%")[0])
    return not (parsed.is_unspecified or parsed.is_loopback or parsed.is_link_local)


def _is_loopback(address: ListenAddress) -> bool:
    return ip_address(address.host.partition("%")[0]).is_loopback
