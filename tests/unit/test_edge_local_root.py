"""Copies of the root zone with a trust anchor at hand: whoever made the digest, only the root's own copy is used."""

import asyncio
import os
from collections import Counter

from kit.rootzone import signed_root
from kit.signing import DATE, DAY, Signer
from kit.world import no_lookup

from net.clock import now
from net.tls import TlsFactory
from privacy.memory import Fact
from resolver.dnssec.anchors import TrustAnchor
from resolver.edge.iterating import Iterations
from resolver.edge.ledger import iterations_status
from resolver.edge.transfer import Means, RootKeeper, Source, no_anchor
from resolver.edge.upstream.port import Tools
from resolver.iterate.local_root import RootHolder
from resolver.settings import CacheSettings, Iteration
from wire.dns.names import ROOT
from wire.dns.signing import parse_ds
from wire.units import Epoch

OURS, THEIRS = Signer("."), Signer(".", seed=2)
ANCHOR = TrustAnchor(ROOT, (parse_ds(OURS.ds().to_wire()),))


def keeper(anchored: bool = True, days: int = 0) -> tuple[RootKeeper, list[str]]:
    said: list[str] = []

    def report(fact: Fact) -> None:
        said.append(fact.text)

    anchor = (lambda: ANCHOR) if anchored else no_anchor
    means = Means(now, lambda: Epoch(DATE + days * DAY), os.urandom, report, anchor)
    return RootKeeper(RootHolder(), Source(b"", ()), means), said


def test_a_copy_that_the_anchor_proves_is_used_and_status_says_so() -> None:
    root, said = keeper()
    assert asyncio.run(root.take(signed_root(OURS)))
    status = root.holder.status(now())
    assert (2026112400, True, "") == (status.serial, status.proved, status.refused)
    assert ["local root: serial 2026112400"] == said


def test_a_copy_with_a_right_digest_that_somebody_else_signed_is_not_used() -> None:
    root, said = keeper()
    assert not asyncio.run(root.take(signed_root(THEIRS)))
    status = root.holder.status(now())
    why = "its signature does not hold: no key of the zone has the digest that its parent gives"
    assert (None, False, why) == (status.serial, status.proved, status.refused)
    assert (1, 1) == (root.holder.counters["local-root-disproved"], root.holder.counters["local-root-refused"])
    assert [f"local root: no copy; not taken: {why}"] == said


def test_the_copy_in_use_stays_if_the_next_one_is_forged() -> None:
    root, said = keeper()
    asyncio.run(root.take(signed_root(OURS)))
    asyncio.run(root.take(signed_root(THEIRS)))
    assert (2026112400, True) == (root.holder.status(now()).serial, root.holder.status(now()).proved)
    assert "not taken: its signature does not hold" in said[-1]


def test_a_signature_out_of_its_time_does_not_hold() -> None:
    root, _ = keeper(days=-3)
    assert not asyncio.run(root.take(signed_root(OURS)))
    assert "not valid yet" in root.holder.status(now()).refused


def test_without_an_anchor_the_digest_has_to_do_and_status_says_so() -> None:
    root, _ = keeper(anchored=False)
    assert asyncio.run(root.take(signed_root(THEIRS)))
    assert not root.holder.status(now()).proved


def test_an_iteration_checks_its_copy_by_the_anchor_it_was_given() -> None:
    async def main() -> list[dict[str, object]]:
        tools = Tools(now, os.urandom, no_lookup, lambda what: None, TlsFactory(), lambda: DATE)
        counters: Counter[str] = Counter()
        iterations = Iterations(tools, counters, lambda fact: None, lambda: ANCHOR)
        forged = signed_root(THEIRS)
        iterations.use((Iteration("home", ROOT, (), local_root=forged),), CacheSettings())
        while not counters:
            await asyncio.sleep(0.01)
        await iterations.close()
        return iterations_status(iterations, now())

    (line,) = asyncio.run(main())
    local = line["local_root"]
    assert isinstance(local, dict)
    assert (None, "") == (local["serial"], local["signature"])
    assert "its signature does not hold" in local["refused"]
