"""The keys of a zone for who follows them (RFC 5011): asked anew by the route that clients' questions take, not judged here."""

import asyncio

from resolver.edge.resolve import Resolver
from resolver.iterate.classify import gather
from resolver.iterate.verdict import RRset
from resolver.values import Query, QueryFlag, Reply
from wire.dns.codes import RecordType
from wire.dns.message import parse_message
from wire.errors import Malformed

_DNSKEY = int(RecordType.DNSKEY)
_FLAGS = int(QueryFlag.RD | QueryFlag.DO | QueryFlag.CD)
"""CD: keys that nobody believes yet, or any more, are wanted too."""


async def keys_of(resolver: Resolver, zone: bytes) -> RRset | None:
    """The DNSKEY RRset of `zone` (folded) with its signatures, as it was heard; None if it cannot be had."""
    key = zone + _DNSKEY.to_bytes(2, "big") + b"\0\1"
    query = Query(key, _FLAGS, 0, resolver.snapshot.generation)
    answered: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
    waiter = object()
    resolver.refresh(query, waiter, lambda reply: None if answered.done() else answered.set_result(reply))
    try:
        reply = await answered
    finally:
        resolver.cancel(waiter)
    try:
        message = parse_message(reply.message)
        found = gather(message, message.answer, zone).get((zone, _DNSKEY))
    except Malformed:
        return None
    return found if found is not None and found.rdatas else None
