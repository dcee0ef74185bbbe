"""One question to one server, without the service: what `anchorhold ask --via` does."""

import asyncio
import base64
import binascii
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from anchorhold.config.servers import read_server
from net.clock import now
from net.tls import TlsFactory
from resolver.edge.once import ask_once
from resolver.edge.upstream.port import Tools, UpstreamFailed, Why
from resolver.settings import Profile, UpstreamSpec
from resolver.values import Query
from wire.dns.codes import QueryFlag
from wire.dns.message import parse_message
from wire.errors import Malformed

CLEAR = {"udp", "tcp"}
"""Schemes that encrypt nothing; the user wrote them, so no profile forbids them here."""


PIN_LENGTH = 32


class DirectFailed(Exception):
    """The server gave no answer; the text says why."""


@dataclass(frozen=True, slots=True)
class Trust:
    """What proves the server instead of the system's authorities: PEM text, and pins in base64."""

    authorities: str = ""
    pins: tuple[str, ...] = ()


def read_url(url: str, trust: Trust, *, tcp: bool) -> UpstreamSpec:
    """The server a `--via` URL means; `tcp` turns udp into tcp. Raises ValueError with a hint."""
    spec = read_server(url)
    if (trust.authorities or trust.pins) and spec.scheme in CLEAR:
        raise ValueError(
            f"--ca-file and --pin go with tls://, https://, quic:// and h3://; {spec.scheme}:// proves nothing"
        )
    spec = replace(spec, authorities=trust.authorities, pins=tuple(map(read_pin, trust.pins)))
    if not tcp:
        return spec
    if spec.scheme not in CLEAR:
        raise ValueError(f"--tcp goes with udp:// only; {spec.scheme}:// has its own transport")
    return replace(spec, scheme="tcp")


def read_pin(text: str) -> bytes:
    """SHA-256 of a SubjectPublicKeyInfo, from base64. Raises ValueError."""
    try:
        pin = base64.b64decode(text, validate=True)
    except binascii.Error:
        pin = b""
    if len(pin) != PIN_LENGTH:
        raise ValueError(f"{text!r} is no pin: base64 of {PIN_LENGTH} octets, the SHA-256 of the server's public key")
    return pin


def ask_directly(spec: UpstreamSpec, key: bytes, flags: QueryFlag) -> bytes:
    """The server's whole response to the question `key`. Raises DirectFailed."""
    profile = Profile.OPPORTUNISTIC if spec.scheme in CLEAR else Profile.STRICT
    tools = tools_with(_no_lookup)
    query = Query(key, flags, group=0, generation=0)
    try:
        data = asyncio.run(ask_once(spec, profile, query, tools))
        question = parse_message(data).question
    except UpstreamFailed as error:
        raise DirectFailed(f"{spec.label} gave no answer: {error}") from None
    except Malformed as error:
        raise DirectFailed(f"{spec.label} sent what is no DNS message: {error}") from None
    if question[:-4].lower() + question[-4:] != key:
        raise DirectFailed(f"{spec.label} answered another question")
    return data


def tools_with(lookup: Callable[[str], Awaitable[tuple[str, ...]]]) -> Tools:
    """What a transport may use outside the service; `lookup` gives the addresses of a server's name."""
    return Tools(now=now, entropy=os.urandom, lookup=lookup, count=_no_count, tls=TlsFactory())


async def _no_lookup(name: str) -> tuple[str, ...]:
    raise UpstreamFailed(Why.NO_ADDRESS, "write its address too: SCHEME://NAME@ADDRESS (no name is looked up here)")


def _no_count(what: str) -> None:
    """A single question needs no counters."""
