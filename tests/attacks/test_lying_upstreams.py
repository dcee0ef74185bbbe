"""Every lie about signed zones told to the real resolver, over every transport and along iteration: no forged answer passes,
each is refused with an extended error that fits, and counted."""

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from kit.figures import holds
from kit.lies import FORGED, LIES, Lie, put
from kit.lying import ITERATION, asked, forwarding, iterating
from kit.meeting import run
from kit.questions import RD, query_for
from kit.signing import rrset_of
from kit.toytree import Tree

from resolver.edge.resolve import Resolver
from resolver.edge.upstream import TRANSPORTS
from resolver.values import Reply
from wire.dns.codes import QueryFlag

BY_NAME = {lie.name: lie for lie in LIES}
FORGED_DATA = bytes(map(int, FORGED.split(".")))
HONEST = Lie("nothing but the truth", "www.shop.example. A", {}, frozenset())
DO = int(QueryFlag.DO)


def tell(way: str, lie: Lie, flags: int = RD) -> tuple[list[Reply], dict[str, int]]:
    """The same question twice, and what was counted."""
    replies: list[Reply] = []
    counters: dict[str, int] = {}

    async def conversation() -> None:
        async with iterating(lie) if way == ITERATION else forwarding(way, lie) as resolver:
            for _ in range(2):
                replies.append(await asked(resolver, query_for(*lie.question.split(), flags=flags)))
            counters.update(resolver.routed.counters)

    run("asyncio", conversation())
    return replies, counters


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("way", [*TRANSPORTS, ITERATION])
def test_a_lie_is_refused_and_counted(way: str, name: str) -> None:
    lie = BY_NAME[name]
    replies, counters = tell(way, lie, RD | DO)
    for reply in replies:
        passed = FORGED_DATA in reply.message
        assert holds(f"{len(LIES)} lies about signed zones, {way}", "forged answers that passed", passed, 0)
        message = dns.message.from_wire(reply.message)
        if lie.stands:
            assert (dns.rcode.NOERROR, counters["dnssec-secure"]) == (message.rcode(), 1)
        else:
            assert (dns.rcode.SERVFAIL, []) == (message.rcode(), message.answer)
            assert reply.explanation is not None
            assert reply.explanation.code in lie.codes, reply.explanation
    if not lie.stands:
        # What is known to be forged is not looked into again at once.
        assert counters.get("dnssec-bogus", 0) + counters.get("dnssec-indeterminate", 0) == 1


@pytest.mark.parametrize("way", [*TRANSPORTS, ITERATION])
def test_the_truth_is_secure(way: str) -> None:
    replies, counters = tell(way, HONEST)
    assert counters["dnssec-secure"] == 1
    assert dns.message.from_wire(replies[0].message).rcode() == dns.rcode.NOERROR


def _another_root(response: dns.message.Message, _tree: object) -> None:
    """The liar is the only server of the root, under the honest signature."""
    put(response, rrset_of(". 518400 NS ns.liar."))


@pytest.mark.parametrize("lies", [True, False])
def test_the_servers_of_the_root_are_those_that_it_has_signed(lies: bool) -> None:
    edits = {". NS": _another_root} if lies else {}
    replies, counters = tell(ITERATION, Lie(f"priming {lies}", "www.shop.example. A", edits, frozenset()))
    assert {dns.rcode.NOERROR} == {dns.message.from_wire(reply.message).rcode() for reply in replies}
    assert (1, int(lies)) == (counters["dnssec-secure"], counters.get("priming-forged", 0))


def test_a_delegation_that_was_forged_once_does_not_keep_a_signed_zone_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody signs a referral's NS and addresses: they lead to a server that has forged addresses for every name."""
    lie = Lie("a referral to others", "www.shop.example. A", {"*": refer_to_others}, frozenset())

    async def conversation() -> None:
        async with iterating(lie) as resolver:
            assert dns.rcode.SERVFAIL == await rcode_of(resolver, "www.shop.example.")
            monkeypatch.setitem(lie.edits, "*", answer_for_others)
            # Whether the first question or this one asks the parent again, its servers are those of the zone by now.
            assert dns.rcode.NOERROR == await rcode_of(resolver, "alias.shop.example.")

    run("asyncio", conversation())


async def rcode_of(resolver: Resolver, name: str) -> dns.rcode.Rcode:
    return dns.message.from_wire((await asked(resolver, query_for(name, "A"))).message).rcode()


def refer_to_others(response: dns.message.Message, tree: Tree) -> None:
    """A referral to shop.example. names the server of plain.example., a day long."""
    answer_for_others(response, tree)
    shop = dns.name.from_text("shop.example.")
    if not response.answer and any(
        (rrset.name, rrset.rdtype) == (shop, dns.rdatatype.NS) for rrset in response.authority
    ):
        response.authority = [rrset for rrset in response.authority if rrset.rdtype != dns.rdatatype.NS]
        response.authority.append(dns.rrset.from_text(shop, 86_400, "IN", "NS", "evil.shop.example."))
        response.additional = [dns.rrset.from_text("evil.shop.example.", 86_400, "IN", "A", f"{tree.network}6")]


def answer_for_others(response: dns.message.Message, _tree: Tree) -> None:
    """The server of plain.example. has addresses for names of shop.example. too."""
    (question,) = response.question
    if response.rcode() == dns.rcode.REFUSED and question.name.is_subdomain(dns.name.from_text("shop.example.")):
        response.set_rcode(dns.rcode.NOERROR)
        response.flags |= dns.flags.AA
        if question.rdtype == dns.rdatatype.A:
            response.answer = [dns.rrset.from_text(question.name, 300, "IN", "A", FORGED)]
