"""DNS64 in the running resolver: flights are not shared across groups, and `explain` says what would be asked."""

import asyncio

import dns.message
import dns.rdatatype
from kit.questions import query_for, wire_of
from kit.translated import PREFIX, SOA, translating
from kit.world import install, world_of

from anchorhold.commands.explain import explain_lines
from resolver.edge import account
from resolver.edge.resolve import Resolver
from resolver.settings import ResolverSettings
from resolver.values import Query, Reply
from wire.dns.message import parse_message
from wire.dns.names import show_name

REVERSE = "8.0.8.0.8.0.8.0." + "0." * 16 + "b.9.f.f.4.6.0.0.ip6.arpa."


def only_ipv4(query: bytes) -> bytes:
    question = parse_message(query).question
    name, rrtype = show_name(question[:-4].lower()), dns.rdatatype.to_text(int.from_bytes(question[-4:-2], "big"))
    return wire_of(name, "A", f"{name} 300 A 192.0.2.33") if rrtype == "A" else wire_of(name, rrtype, authority=(SOA,))


def resolver_of(chosen: ResolverSettings) -> Resolver:
    world, upstreams = world_of(only_ipv4)
    resolver = Resolver(chosen, world, lambda fact: None)
    install(world, upstreams)
    return resolver


def addresses(reply: Reply) -> list[str]:
    return [item.to_text() for rrset in dns.message.from_wire(reply.message).answer for item in rrset]


def test_groups_with_and_without_dns64_ask_at_once_and_each_gets_its_own_answer() -> None:
    async def both() -> list[Reply]:
        resolver = resolver_of(translating(clients=(1,)))

        def ask(query: Query) -> asyncio.Future[Reply]:
            future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
            resolver.ask(query, object(), future.set_result)
            return future

        questions = [query_for("www.example.", "AAAA", group=group) for group in (0, 1, 0, 1)]
        replies = await asyncio.gather(*map(ask, questions))
        assert (2, 2) == (resolver.counters["asked"], resolver.counters["shared"])
        return list(replies)

    made = ["64:ff9b::c000:221"]
    assert [[], made, [], made] == [addresses(reply) for reply in asyncio.run(both())]


def explained(name: str, rrtype: str, group: int = 0) -> tuple[account.Line, str]:
    line = account.explain(resolver_of(translating(PREFIX, clients=(0,))), query_for(name, rrtype, group=group))
    return line, "\n".join(explain_lines(name, rrtype, "", {"front": {}, "resolver": line}))


def test_explain_says_that_an_a_record_would_be_asked_for_too() -> None:
    line, text = explained("www.example.", "AAAA")
    assert "its A records are asked for too" in str(line["dns64"])
    assert "dns64" in text
    assert "dns64" not in explained("www.example.", "AAAA", group=1)[0]
    assert "dns64" not in explained("www.example.", "A")[0]


def test_explain_names_the_name_that_a_translated_address_is_looked_up_under() -> None:
    line, text = explained(REVERSE, "PTR")
    assert ("looked up as 8.8.8.8.in-addr.arpa.", "default", 1) == (
        line["dns64"],
        line["upstream_group"],
        len(line["leaves"]),  # type: ignore[arg-type]
    )
    assert "8.8.8.8.in-addr.arpa." in text


def test_explain_says_that_the_discovery_name_is_answered_here() -> None:
    line, text = explained("ipv4only.arpa.", "AAAA")
    assert ("dns64", "ipv4only.arpa.", []) == (line["rule"], line["zone"], line["leaves"])
    assert "answered here" in text
    assert None is explained("ipv4only.arpa.", "AAAA", group=1)[0]["rule"]
