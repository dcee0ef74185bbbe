"""A real resolver over one scripted server that says what a table has for a question."""

import asyncio

import dns.message
import dns.rdatatype
from kit.inside import Attack, addresses_in, reply_to
from kit.questions import query_for
from kit.world import install, world_of

from resolver.edge.resolve import Resolver
from resolver.settings import ResolverSettings
from resolver.values import Reply


class Scene:
    """A resolver whose only server says what `records` has for a question."""

    def __init__(self, chosen: ResolverSettings, *records: Attack) -> None:
        self.known = {(one.name, one.rrtype): one for one in records}
        self.world, self.upstreams = world_of(self.say, *[self.say] * (len(chosen.upstream_groups) - 1))
        self.resolver = Resolver(chosen, self.world, lambda fact: None)
        install(self.world, self.upstreams)

    def say(self, query: bytes) -> bytes:
        question = dns.message.from_wire(query).question[0]
        kind = dns.rdatatype.to_text(question.rdtype)
        name = question.name.to_text().lower()
        return reply_to(query, self.known.get((name, kind), Attack(name, kind, ())))

    async def ask(self, name: str, rrtype: str = "A", **more: int) -> Reply:
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.resolver.ask(query_for(name, rrtype, **more), object(), future.set_result)
        return await future

    async def addresses(self, name: str, rrtype: str = "A", **more: int) -> set[str]:
        return addresses_in(dns.message.from_wire((await self.ask(name, rrtype, **more)).message))
