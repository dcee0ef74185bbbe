"""The upstreams of a configuration, examined one after another: what `anchorhold check --upstreams` does."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from anchorhold.addresses import FAMILIES, addresses_in
from anchorhold.direct import tools_with
from anchorhold.examination import Ask, Examined, examine
from net.clock import now
from resolver.dnssec.scope import anchors_for
from resolver.edge.converse import converse
from resolver.edge.upstream import open_upstream
from resolver.edge.upstream.port import UpstreamFailed, Why
from resolver.settings import Profile, ResolverSettings, UpstreamGroup, UpstreamSpec
from wire.dns.codes import QueryFlag
from wire.dns.names import read_name
from wire.errors import Malformed
from wire.units import Instant

PATIENCE = 5.0
"""Seconds for each question."""

LOOKED_AT = 2
"""Servers of a bootstrap group that are asked for an upstream's address."""


@dataclass(frozen=True, slots=True)
class Examinee:
    """A server with the groups it is in; `place` is the first of them. `asked`: False if all that goes there is not
    validated, so what it makes of the root is no matter."""

    spec: UpstreamSpec
    profile: Profile
    groups: tuple[str, ...]
    place: int
    asked: bool


def examinees(settings: ResolverSettings) -> list[Examinee]:
    """Every server once, in the order of the configuration."""
    places: dict[tuple[UpstreamSpec, Profile], list[int]] = {}
    for place, group in enumerate(settings.upstream_groups):
        for spec in group.servers:
            places.setdefault((spec, group.profile), []).append(place)
    return [_examinee(settings, spec, profile, found) for (spec, profile), found in places.items()]


def _examinee(settings: ResolverSettings, spec: UpstreamSpec, profile: Profile, places: list[int]) -> Examinee:
    names = tuple(settings.upstream_groups[place].name for place in places)
    validated = [place for place in places if not _is_private(settings, place)]
    return Examinee(spec, profile, names, (validated or places)[0], bool(validated))


def _is_private(settings: ResolverSettings, place: int) -> bool:
    """Whether nothing but routes to private zones lead to a group."""
    name = settings.upstream_groups[place].name
    if any(spec.bootstrap == name for group in settings.upstream_groups for spec in group.servers):
        return False
    routes = [route for route in settings.routes if place in (route.upstream_group, route.fallback)]
    return bool(routes) and all(route.private and route.fallback != place for route in routes)


def examine_one(settings: ResolverSettings, examinee: Examinee) -> Examined:
    """Ask it. Raises nothing: what fails is a finding."""
    return asyncio.run(_examine(settings, examinee))


async def _examine(settings: ResolverSettings, examinee: Examinee) -> Examined:
    anchors = anchors_for(settings, examinee.place)
    async with _talk(settings, examinee.spec, examinee.profile) as ask:
        return await examine(ask, anchors, os.urandom(32))


@asynccontextmanager
async def _talk(settings: ResolverSettings, spec: UpstreamSpec, profile: Profile) -> AsyncIterator[Ask]:
    async def lookup(name: str) -> tuple[str, ...]:
        return await _look_up(settings, spec, name)

    tools = tools_with(lookup)
    upstream = open_upstream(spec, profile, tools)

    async def ask(key: bytes, flags: int) -> bytes:
        return await converse(upstream, key, flags, tools.entropy, Instant(now() + PATIENCE))

    try:
        yield ask
    finally:
        await upstream.close()


async def _look_up(settings: ResolverSettings, spec: UpstreamSpec, name: str) -> tuple[str, ...]:
    """An upstream's addresses, from the servers of its bootstrap group. Raises UpstreamFailed."""
    group = next((group for group in settings.upstream_groups if group.name == spec.bootstrap), None)
    for server in _first(group):
        found: list[str] = []
        async with _talk(settings, server, Profile.OPPORTUNISTIC if group is None else group.profile) as ask:
            for rrtype in FAMILIES:
                try:
                    key = read_name(name) + rrtype.to_bytes(2, "big") + b"\0\1"
                    found += addresses_in(await ask(key, int(QueryFlag.RD)), rrtype)
                except (UpstreamFailed, Malformed):
                    continue  # the other type, or the next server, may do
        if found:
            return tuple(found)
    raise UpstreamFailed(Why.NO_ADDRESS, "its bootstrap group has no address for it")


def _first(group: UpstreamGroup | None) -> Iterator[UpstreamSpec]:
    yield from () if group is None else group.servers[:LOOKED_AT]
