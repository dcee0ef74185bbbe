"""Every lie about signed zones told to the real resolver, over every transport and along iteration: no forged answer passes,
each is refused with an extended error that fits, and counted."""

import dns.message
import dns.rcode
import pytest
from kit.figures import holds
from kit.lies import FORGED, LIES, Lie, put
from kit.lying import ITERATION, asked, forwarding, iterating
from kit.meeting import run
from kit.questions import RD, query_for
from kit.signing import rrset_of

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
