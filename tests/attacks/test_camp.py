"""Compositions (CAMP): what is harmless alone is multiplied. Every product of aliases, delegations, servers without glue,
renamed trees and labels in between that need a question each; each link of it works, so that a resolver without a budget
would send thousands of packets for one question."""

from itertools import pairwise, product

import dns.rrset
import pytest
from kit.figures import holds
from kit.internet import Internet
from kit.iterating import PATIENCE, Asking, own_milliseconds

from resolver.iterate.budget import MOST_PACKETS, OCTETS, PACKETS

ROOT, TOP, HELPER = "198.51.100.1", "192.0.2.1", "192.0.2.77"
MILLISECONDS = 50
ONE_PACKET = 1_232
"""Over a stream the length of an answer is known before it is read; a packet may go beyond the budget."""


def internet() -> Internet:
    made = Internet()
    made.serve(".", {"a.root.": ROOT})
    made.serve("example.", {"ns.example.": TOP})
    made.serve("helper.example.", {"ns.helper.example.": HELPER})
    return made


def names_of(made: Internet, address: str, glueless: int) -> dict[str, tuple[str, ...]]:
    """So many server names under helper.example, each of which has to be looked up; the last one is there."""
    tag = address.replace(".", "-")
    made.zone("helper.example.").add(f"t{tag} A {address}")
    absent = {f"n{number}-{tag}.helper.example.": () for number in range(glueless - 1)}
    return absent | {f"t{tag}.helper.example.": ()}


def build(aliases: int, cuts: int, glueless: int, labels: int, dname: bool) -> tuple[Internet, str]:
    """The Internet, and the name to ask for. Zone number n leads to zone n + 1; the last one has an address."""
    made = internet()
    inner = []
    for place in range(aliases + 1):
        name = f"z{place}.example."
        made.serve(name, {f"ns.{name}": f"10.0.{place}.1"})
        for cut in range(1, cuts):
            name, address = "x." * labels + name, f"10.{cut}.{place}.1"
            zone = made.serve(name, names_of(made, address, glueless) if glueless else {f"ns.{name}": address})
            if glueless:
                made.place(zone, address)
        inner.append(name)
    for here, there in pairwise(inner):
        made.zone(here).add(f"sub DNAME sub.{there}" if dname else f"www.sub CNAME www.sub.{there}")
    made.zone(inner[-1]).add("www.sub A 203.0.113.1")
    return made, "www.sub." + inner[0]


PRODUCTS = [
    factors
    for factors in product((0, 3, 11), (1, 4, 10), (0, 20), (1, 10), (False, True))
    if factors[0] or not factors[4]
]


@pytest.mark.parametrize("factors", PRODUCTS, ids=str)
def test_the_product_of_all_that_is_allowed_is_bounded(factors: tuple[int, int, int, int, bool]) -> None:
    made, name = build(*factors)
    asking = Asking(made)
    started = made.now()
    spent = own_milliseconds(asking, name)
    most = MOST_PACKETS if factors[0] else PACKETS
    assert holds("CAMP", f"packets for one question {'with' if factors[0] else 'without'} aliases", made.packets, most)
    assert holds("CAMP", "octets received for one question", made.octets, OCTETS)
    assert holds("CAMP", "CPU ms for one question", spent, MILLISECONDS)
    assert holds("CAMP", "seconds for one question", round(made.now() - started, 2), PATIENCE + 0.1)


def test_what_is_harmless_is_answered() -> None:
    """A budget that stops everybody would pass the others."""
    for factors in (
        (0, 4, 0, 1, False),
        (3, 2, 0, 1, False),
        (3, 2, 0, 1, True),
        (0, 3, 2, 2, False),
        (11, 1, 0, 1, False),
    ):
        made, name = build(*factors)
        assert Asking(made).said(name).endswith("203.0.113.1"), factors


def test_large_answers_end_the_search() -> None:
    """Every response comes with 30 kB of filler."""
    made, name = build(11, 4, 0, 1, False)
    filler = dns.rrset.from_text_list(name, 60, "IN", "TXT", [f'"{"y" * 200}{number}"' for number in range(140)])
    for place in range(12):
        made.behave(f"10.1.{place}.1", made.altered(lambda response: response.additional.append(filler)))
    Asking(made).ask(name)
    assert holds("CAMP with 30 kB in each answer", "octets received", made.octets, OCTETS + ONE_PACKET)
    assert holds("CAMP with 30 kB in each answer", "packets", made.packets, PACKETS)
