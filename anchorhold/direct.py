"""One question to one server, without the service: what `anchorhold ask --via` does."""

import asyncio
import os
from dataclasses import replace

from anchorhold.config.servers import read_server
from net.clock import now
from net.tls import TlsFactory
from resolver.edge.upstream.port import Tools, UpstreamFailed, Why
from resolver.edge.world import ask_once
from resolver.settings import Profile, UpstreamSpec
from resolver.values import Query
from wire.dns.codes import QueryFlag
from wire.dns.message import parse_message
from wire.errors import Malformed

CLEAR = {"udp", "tcp"}
"""Schemes that encrypt nothing; the user wrote them, so no profile forbids them here."""


class DirectFailed(Exception):
    """The server gave no answer; the text says why."""


def read_url(url: str, *, tcp: bool) -> UpstreamSpec:
    """The server a `--via` URL means; `tcp` turns udp into tcp. Raises ValueError with a hint."""
    spec = read_server(url)
    if not tcp:
        return spec
    if spec.scheme not in CLEAR:
        raise ValueError(f"--tcp goes with udp:// only; {spec.scheme}:// has its own transport")
    return replace(spec, scheme="tcp")


def ask_directly(spec: UpstreamSpec, key: bytes, flags: QueryFlag) -> bytes:
    """The server's whole response to the question `key`. Raises DirectFailed."""
    profile = Profile.OPPORTUNISTIC if spec.scheme in CLEAR else Profile.STRICT
    tools = Tools(now=now, entropy=os.urandom, lookup=_no_lookup, count=_no_count, tls=TlsFactory())
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


async def _no_lookup(name: str) -> tuple[str, ...]:
    raise UpstreamFailed(Why.NO_ADDRESS, "write its address too: SCHEME://NAME@ADDRESS (no name is looked up here)")


def _no_count(what: str) -> None:
    """A single question needs no counters."""
