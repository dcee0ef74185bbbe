"""Upstream groups: each server's table to an `UpstreamSpec`, and what a group may not mix."""

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from cryptography import x509

from anchorhold.config.errors import Path, Wrong
from anchorhold.config.oblivious import ObliviousReader, is_oblivious
from anchorhold.config.places import Places
from anchorhold.config.schema import ServerTable, UpstreamsTable
from anchorhold.config.servers import CLEAR, HTTP, read_server
from anchorhold.config.stamped import relay_url
from resolver.settings import HttpMethod, Profile, UpstreamGroup, UpstreamSpec

PIN_LENGTH = 32
"""Octets of a SHA-256 digest."""

Note = Callable[[Path, str, str], None]
"""Takes a problem: path, what is wrong, what to do."""


class UpstreamReader:
    """Reads groups; says what is wrong through `note`."""

    def __init__(self, note: Note, places: Places) -> None:
        self._note = note
        self._places = places

    def group(self, name: str, table: UpstreamsTable) -> UpstreamGroup:
        """The group `name`; servers that cannot be read are left out, and noted."""
        path: Path = ("upstreams", name, "servers")
        if not table.servers:
            self._note(path, "a group without servers answers nothing", 'write servers = ["tls://NAME@ADDRESS"]')
        servers: list[UpstreamSpec] = []
        for position, server in enumerate(table.servers):
            spec = self._server((*path, position), server)
            if spec is None:
                continue
            self._check_profile((*path, position), spec, table.profile)
            if spec.target is not None and table.profile is not Profile.STRICT:
                self._note((*path, position), "odoh:// has nothing worse to fall back to", 'write profile = "strict"')
            if any(_is_same(spec, other) for other in servers):
                self._note((*path, position), f"{spec.label} is in this group twice", "drop one")
            http3, discover = table.http3 and spec.scheme == "https", table.discover and spec.scheme in CLEAR
            servers.append(replace(spec, http3=http3, discover=discover))
        if table.http3 and servers and not any(spec.http3 for spec in servers):
            self._note(
                ("upstreams", name, "http3"),
                "no server of this group is asked over HTTP/2, from where it could go on to HTTP/3",
                "drop it, or write https:// servers; h3:// speaks HTTP/3 from the start",
            )
        if table.discover:
            self._check_discovery(("upstreams", name, "discover"), table.profile, servers)
        return UpstreamGroup(name, tuple(servers), table.strategy, table.profile)

    def _check_discovery(self, path: Path, profile: Profile, servers: list[UpstreamSpec]) -> None:
        """What is asked in clear text cannot make a group strict (RFC 9462 §4)."""
        if profile is Profile.STRICT:
            self._note(
                path,
                "a strict group asks nothing in clear text, so it cannot discover anything either",
                'drop it, or write profile = "opportunistic"',
            )
        elif servers and not any(spec.discover for spec in servers):
            self._note(path, "no server of this group is in clear text", "drop it, or write udp:// servers")

    def _check_profile(self, path: Path, spec: UpstreamSpec, profile: Profile) -> None:
        if profile is Profile.STRICT and spec.scheme in CLEAR:
            self._note(
                path,
                f"{spec.label} is clear text, but the group is strict",
                "use tls://, https://, quic:// or h3://, "
                'or write profile = "opportunistic" in this group to send names in clear text',
            )

    def _server(self, path: Path, table: ServerTable) -> UpstreamSpec | None:
        if is_oblivious(table.url):
            return ObliviousReader(self._note, self._places).server(path, table, self._relay((*path, "relay"), table))
        for key in ("relay", "relay_operator", "keys_check"):
            if getattr(table, key):
                self._note((*path, key), "only odoh:// has this", f"drop {key}, or write odoh://NAME/PATH as url")
        return self.direct(path, table)

    def _relay(self, path: Path, table: ServerTable) -> UpstreamSpec | None:
        try:
            url = relay_url(table.relay)
        except Wrong as wrong:
            self._note(path, wrong.what, wrong.hint)
            return None
        return self.direct(path, replace(table, url=url)) if url else None

    def direct(self, path: Path, table: ServerTable) -> UpstreamSpec | None:
        """A server that is connected to."""
        try:
            spec = read_server(table.url, table.bootstrap)
        except Wrong as wrong:
            self._note(path, wrong.what, wrong.hint)
            return None
        if table.method is not HttpMethod.POST and spec.scheme not in HTTP:
            self._note(
                (*path, "method"), f"{spec.scheme}:// has no method", "drop it; only https:// and h3:// have one"
            )
        if spec.scheme in CLEAR and (table.pins or table.ca_file):
            key = "pins" if table.pins else "ca_file"
            self._note(
                (*path, key), f"{spec.scheme}:// has no certificate", f"drop {key}, or use a scheme that encrypts"
            )
            return spec
        return replace(
            spec,
            operator=table.operator or spec.operator,
            pins=self._pins(path, table) or spec.pins,
            authorities=self._authorities((*path, "ca_file"), table.ca_file),
            method=table.method,
        )

    def _pins(self, path: Path, table: ServerTable) -> tuple[bytes, ...]:
        pins = []
        for position, text in enumerate(table.pins):
            try:
                pins.append(read_pin(text))
            except Wrong as wrong:
                self._note((*path, "pins", position), wrong.what, wrong.hint)
        return tuple(pins)

    def _authorities(self, path: Path, file: str) -> str:
        """The PEM text of `file`; empty, and noted, if it holds no certificate."""
        if not file:
            return ""
        place = self._places.absolute(file)
        try:
            data = self._places.read_file(place)
            x509.load_pem_x509_certificates(data)
            return data.decode("ascii")
        except OSError as error:
            self._note(path, f"cannot read {place}: {error.strerror}", "correct the path or its permissions")
        except ValueError:
            self._note(path, f"{place} holds no certificate", "it must be a PEM file (-----BEGIN CERTIFICATE-----)")
        return ""


def read_pin(text: str) -> bytes:
    """A SHA-256 digest from base64. Raises Wrong."""
    hint = "write the base64 of SHA-256 over the certificate's public key: 44 letters, the last a ="
    try:
        pin = base64.b64decode(text.removeprefix("sha256/"), validate=True)
    except (binascii.Error, ValueError):
        raise Wrong(f"{text!r} is no base64", hint) from None
    if len(pin) != PIN_LENGTH:
        raise Wrong(f"{text!r} is {len(pin)} octets long, not {PIN_LENGTH}", hint)
    return pin


def _is_same(one: UpstreamSpec, other: UpstreamSpec) -> bool:
    return (one.target, one.scheme, one.name, one.addresses, one.port, one.path) == (
        other.target,
        other.scheme,
        other.name,
        other.addresses,
        other.port,
        other.path,
    )


def bootstrap_cycles(tables: Mapping[str, UpstreamsTable]) -> Iterator[tuple[str, ...]]:
    """Every circle of groups that need each other to find their servers, once, from its first in the file on."""
    order = list(tables)
    needs = {name: _needs(table, order) for name, table in tables.items()}
    for start in order:
        circle = _circle(start, needs)
        if circle and order.index(start) == min(map(order.index, circle)):
            yield circle


def _needs(table: UpstreamsTable, known: list[str]) -> list[str]:
    return list(dict.fromkeys(server.bootstrap for server in table.servers if server.bootstrap in known))


def _circle(start: str, needs: Mapping[str, list[str]]) -> tuple[str, ...]:
    """The shortest way from `start` back to itself; empty if there is none."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen: set[str] = set()
    for way in ways:
        for following in needs[way[-1]]:
            if following == start:
                return way
            if following not in seen:
                seen.add(following)
                ways.append((*way, following))
    return ()
