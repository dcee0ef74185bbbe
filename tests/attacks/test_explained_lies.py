"""For every lie about signed zones `explain --dnssec` names the link that does not hold."""

import pytest
from kit.household import run
from kit.lies import LIES, Lie
from kit.lying import ITERATION, forwarding, iterating
from kit.questions import query_for

from anchorhold.chain_text import chain_lines
from resolver.edge.tracing import trace

BY_NAME = {lie.name: lie for lie in LIES}
HONEST = Lie("nothing but the truth", "www.shop.example. A", {}, frozenset())


def traced(way: str, lie: Lie) -> dict[str, object]:
    found: dict[str, object] = {}

    async def conversation() -> None:
        async with iterating(lie) if way == ITERATION else forwarding(way, lie) as resolver:
            found.update(await trace(resolver, query_for(*lie.question.split())))

    run(conversation())
    return found


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("way", ["udp", ITERATION])
def test_the_link_that_fails_is_named(way: str, name: str) -> None:
    lie = BY_NAME[name]
    chain = traced(way, lie)
    verdict, text = chain["verdict"], list(chain_lines(chain))
    assert isinstance(verdict, dict)
    if lie.stands:
        assert ("secure", True) == (verdict["security"], verdict["ad"])
        return
    assert ("SERVFAIL", False) == (verdict["rcode"], verdict["ad"])
    assert verdict["ede"] in lie.codes
    assert any(line.startswith("First failure: ") for line in text), text


@pytest.mark.parametrize("way", ["udp", "tls", ITERATION])
def test_of_the_truth_every_link_is_shown_and_none_fails(way: str) -> None:
    chain = traced(way, HONEST)
    text = "\n".join(chain_lines(chain))
    assert "First failure" not in text
    assert "Verdict: secure; clients get NOERROR, with AD" in text
    assert f"({chain['asked']} questions sent to upstreams for this)" in text
