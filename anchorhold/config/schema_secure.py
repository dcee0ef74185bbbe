"""The tables of `[secure]`: what is served over encrypted ways. See `schema.py` for how such a file is read."""

from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from anchorhold.certificates.settings import Kind
from anchorhold.config.kinds import CLOSED, Count, Number, Text
from anchorhold.config.schema_acme import AcmeTable
from anchorhold.config.schema_oblivious import OdohTable
from resolver.settings import CacheSettings, FrontSettings, SecureSettings

_SECURE = SecureSettings(FrontSettings(0, (), (), CacheSettings()))


@dataclass(frozen=True, slots=True)
class SecureTable:
    """What is served over encrypted ways; without this table, or without `listen`, nothing is."""

    __pydantic_config__ = CLOSED

    listen: tuple[Text, ...] = ()
    """`SCHEME://ADDRESS[:PORT]` each: `tls` (DNS over TLS, port 853), `https` (DNS over HTTPS, 443), `h3` (the same over HTTP/3,
    443/udp), `quic` (DNS over QUIC, 853/udp). `0.0.0.0` and `[::]` mean every address of this machine. At least one."""
    addresses: tuple[Text, ...] = ()
    """Where clients reach this machine, for them to be told so if `listen` says every address: `192.168.1.1`. Empty: the single
    addresses of `addresses` in `[listen]`."""
    name: Text = _SECURE.name
    """What this resolver is called: the name in its certificate, by which clients know it. `dns.home.arpa` is one that needs no
    domain of your own."""
    certificate: Kind = Kind.PRIVATE
    """`private`: of an authority of your own (`anchorhold certs init`), renewed by itself. `files`: `chain` and `key`. `acme`: of
    a public authority, renewed by itself."""
    chain: Text = ""
    """With `files`: the PEM file of the certificate and those that lead to its authority. It and `key` are watched; new ones
    are in use within seconds. Relative to this file."""
    key: Text = ""
    """With `files`: the PEM file of the private key, without a password. Relative to this file."""
    path: Text = _SECURE.path
    """Where DNS over HTTPS is found (RFC 8484)."""
    information: Text = ""
    """`https://` URL of a page for people about this resolver, which programs can ask for (RESINFO, RFC 9606)."""
    idle: Annotated[Number, Field(ge=1, le=600)] = _SECURE.idle
    """Seconds an idle connection is kept; shrinks under load."""
    connections: Annotated[Count, Field(ge=1, le=20_000)] = _SECURE.connections
    """Connections in all. If all are taken, those that were silent longest make room."""
    connections_per_address: Annotated[Count, Field(ge=1, le=20_000)] = _SECURE.connections_per_address
    """Connections of one address. One /56 of IPv6 may have eight times as many."""
    streams: Annotated[Count, Field(ge=1, le=1_000)] = _SECURE.streams
    """Open requests of one connection of HTTP/2, HTTP/3 or QUIC."""
    acme: AcmeTable | None = None
    """The public authority, `[secure.acme]`, for `certificate = "acme"`."""
    odoh: OdohTable | None = None
    """Oblivious DNS over HTTPS, `[secure.odoh]`."""
    clients: dict[str, Text] = field(default_factory=dict)
    """`LABEL = "GROUP"` each: who asks at `path/LABEL`, or by the name `LABEL.NAME`, is in this group of `[clients.NAME]`,
    whatever its address."""
