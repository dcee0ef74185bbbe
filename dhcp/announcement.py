"""What a router advertisement of ours says now, and what it takes back of what it said before."""

from typing import NamedTuple

from dhcp.addresses import is_link_local
from dhcp.offer import Offer
from dhcp.settings import Advertised, AdvertisedPrefix
from dhcp.values import Link, Own
from wire.dhcp.associations6 import network
from wire.dhcp.codecs import INFINITE
from wire.dhcp.ra import Encrypted, Prefix64, PrefixInformation, Route, RouterAdvertisement, Search, Servers
from wire.units import Instant

TWO_HOURS = 7_200
"""Hosts do not believe a shorter valid lifetime of a prefix that they use (RFC 4862 §5.5.3 e)."""

PREFERRED_LIMIT, VALID_LIMIT = 2_700, 5_400
"""ND_PREFERRED_LIMIT, ND_VALID_LIMIT, seconds (RFC 9096 §3.4)."""

MAX_STALE = 16
"""Prefixes that went away and are still deprecated; with more changes than that the eldest are forgotten."""

AUTOMATIC_LENGTH = 64
"""The only length with which hosts make addresses (RFC 4862 §5.5.3 d, RFC 4291 §2.5.1)."""

Item = Servers | Search | Encrypted | Prefix64 | Route
"""One thing that hosts were told for a time, with the lifetime 0 that takes it back; of `Servers` and `Search` one each."""


class Heard(NamedTuple):
    """A prefix that hosts have from us, valid until then."""

    prefix: PrefixInformation
    until: Instant


def announcement(settings: Advertised, link: Link, offer: Offer) -> RouterAdvertisement:
    """What hosts on `link` are to be told, all of it with its time to live."""
    lifetime = service_lifetime(settings)
    offer = offer if settings.dns else Offer()
    return RouterAdvertisement(
        settings.hop_limit,
        settings.managed,
        settings.other,
        settings.preference,
        settings.router_lifetime,
        settings.reachable,
        settings.retransmit,
        _link_layer(link),
        settings.mtu,
        _prefixes(settings, link),
        (Servers(lifetime, offer.servers6),) if offer.servers6 else (),
        (Search(lifetime, offer.search),) if offer.search else (),
        tuple(Encrypted(lifetime, one) for one in offer.resolvers6),
        tuple(Prefix64(prefix, length, lifetime) for prefix, length in settings.nat64),
        tuple(Route(*route) for route in settings.routes),
        settings.captive_portal,
    )


def _link_layer(link: Link) -> bytes:
    """Of Ethernet and its kin only: others say more than an address there, or have none."""
    return link.hardware if len(link.hardware) == 6 else b""


def service_lifetime(settings: Advertised) -> int:
    """Seconds for resolvers, search list and PREF64: three times MaxRtrAdvInterval (RFC 8106 §5.1, RFC 8781 §4.1), so that two
    lost advertisements do no harm."""
    return 3 * settings.interval[1]


# --- prefixes -----------------------------------------------------------------------------------------------------------


def _prefixes(settings: Advertised, link: Link) -> tuple[PrefixInformation, ...]:
    own = [one for one in link.addresses if len(one.address) == 16 and one.valid != 0]
    return tuple(
        _bounded(
            PrefixInformation(
                network(one.prefix, one.length),
                one.length,
                one.valid,
                one.preferred,
                one.on_link,
                one.autonomous,
            ),
            own,
        )
        for one in settings.prefixes or _own_prefixes(own)
    )


def _own_prefixes(own: list[Own]) -> tuple[AdvertisedPrefix, ...]:
    """Every /64 that we have an address in, but for the link-local one."""
    near = (one.address for one in own if one.length == AUTOMATIC_LENGTH and one.address[:10] != bytes(10))
    prefixes = dict.fromkeys(network(address, AUTOMATIC_LENGTH) for address in near if not is_link_local(address))
    return tuple(AdvertisedPrefix(prefix, AUTOMATIC_LENGTH) for prefix in prefixes)


def _bounded(said: PrefixInformation, own: list[Own]) -> PrefixInformation:
    """With no more time than our own addresses in it have: who delegated the prefix gave no more (RFC 9096 §3.3). One that
    may be another tomorrow lives shortly with hosts, that they are soon rid of it (§3.4)."""
    mine = [one for one in own if network(one.address, said.length) == said.prefix]
    if mine and all(one.valid is not None for one in mine):
        said = said._replace(valid=min(said.valid, VALID_LIMIT), preferred=min(said.preferred, PREFERRED_LIMIT))
    valid = min(said.valid, max((_seconds(one.valid) for one in mine), default=said.valid))
    preferred = min(said.preferred, valid, max((_seconds(one.preferred) for one in mine), default=said.preferred))
    return said._replace(valid=valid, preferred=preferred)


def _seconds(lifetime: int | None) -> int:
    return INFINITE if lifetime is None else lifetime


def heard_now(said: RouterAdvertisement, now: Instant) -> tuple[Heard, ...]:
    """What hosts know of prefixes once they had this."""
    return tuple(Heard(one, Instant(now + one.valid)) for one in said.prefixes)


def became_stale(known: tuple[Heard, ...], said: RouterAdvertisement, now: Instant) -> tuple[Heard, ...]:
    """What of `known` is not said any more: to be deprecated as long as hosts may use it, but two hours at most, which is what
    they believe at once (RFC 9096 §3.5, RFC 7084 L-13)."""
    kept = {(one.prefix, one.length) for one in said.prefixes}
    stale = [
        Heard(one.prefix, min(one.until, Instant(now + TWO_HOURS)))
        for one in known
        if (one.prefix.prefix, one.prefix.length) not in kept and one.until > now
    ]
    return tuple(stale[-MAX_STALE:])


def deprecate(stale: tuple[Heard, ...], now: Instant) -> tuple[PrefixInformation, ...]:
    """No new connections from addresses in these; what is left of their lives counts down in real time."""
    return tuple(one.prefix._replace(preferred=0, valid=int(one.until - now)) for one in stale if one.until - now >= 1)


# --- what is taken back -------------------------------------------------------------------------------------------------


def items(said: RouterAdvertisement) -> tuple[Item, ...]:
    """All that hosts are told for a time, each with the lifetime 0."""
    found: list[Item] = []
    found += [Servers(0, (address,)) for one in said.servers for address in one.addresses]
    found += [Search(0, (name,)) for one in said.search for name in one.names]
    found += [Encrypted(0, one.resolver) for one in said.encrypted]
    found += [one._replace(lifetime=0) for one in said.nat64]
    found += [one._replace(lifetime=0, preference=0) for one in said.routes]
    return tuple(found)


def take_back(said: RouterAdvertisement, gone: tuple[Item, ...]) -> RouterAdvertisement:
    """The same with what is gone before what is there: a host that knows a resolver by its name alone forgets it first, and then
    hears of what remains of it."""
    servers = tuple(address for one in gone if isinstance(one, Servers) for address in one.addresses)
    names = tuple(name for one in gone if isinstance(one, Search) for name in one.names)
    return said._replace(
        servers=((Servers(0, servers),) if servers else ()) + said.servers,
        search=((Search(0, names),) if names else ()) + said.search,
        encrypted=tuple(one for one in gone if isinstance(one, Encrypted)) + said.encrypted,
        nat64=tuple(one for one in gone if isinstance(one, Prefix64)) + said.nat64,
        routes=tuple(one for one in gone if isinstance(one, Route)) + said.routes,
    )


def last_words(settings: Advertised, link: Link, told: tuple[Item, ...]) -> RouterAdvertisement:
    """We are no router any more, and what we told is no longer so (RFC 4861 §6.2.5). Prefixes are not taken back: hosts keep
    their addresses while a service starts anew."""
    silent = RouterAdvertisement(
        settings.hop_limit,
        settings.managed,
        settings.other,
        0,
        0,
        settings.reachable,
        settings.retransmit,
        _link_layer(link),
    )
    return take_back(silent, told)
