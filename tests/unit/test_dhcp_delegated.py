"""The tree of delegated prefixes against the plain way: look at every prefix there is."""

import random
from ipaddress import IPv6Address, IPv6Network

from dhcp.delegated import Delegated

ROOT = IPv6Network("2001:db8:0:ff00::/56")
NOTHING = Delegated()


def within(network: IPv6Network) -> tuple[bytes, int]:
    return network.network_address.packed, network.prefixlen


def marked(*networks: IPv6Network) -> Delegated:
    tree = Delegated()
    for network in networks:
        tree.mark(*within(network))
    return tree


def network(prefix: bytes, length: int) -> IPv6Network:
    return IPv6Network((IPv6Address(prefix), length))


def test_where_the_search_begins_is_what_is_found_when_nothing_is_taken() -> None:
    found = {Delegated().free(within(ROOT), 60, draw, NOTHING) for draw in range(16)}
    assert {subnet.network_address.packed for subnet in ROOT.subnets(new_prefix=60)} == found


def test_every_prefix_is_found_and_none_twice_and_then_there_is_none() -> None:
    tree, given = Delegated(), []
    for draw in range(256):
        prefix = tree.free(within(ROOT), 64, draw * 77, NOTHING)
        assert prefix is not None
        tree.mark(prefix, 64)
        given.append(prefix)
    assert 256 == len(set(given))
    assert tree.free(within(ROOT), 64, 0, NOTHING) is None
    tree.clear(given[99], 64)
    assert given[99] == tree.free(within(ROOT), 64, 3, NOTHING)


def test_what_is_larger_or_smaller_or_barred_is_in_the_way() -> None:
    halves = list(ROOT.subnets(new_prefix=57))
    small = next(halves[1].subnets(new_prefix=64))
    assert halves[1].network_address.packed == marked(halves[0]).free(within(ROOT), 57, 0, NOTHING)
    assert marked(halves[0], small).free(within(ROOT), 57, 0, NOTHING) is None
    assert marked(halves[0]).free(within(ROOT), 57, 0, marked(small)) is None
    assert marked(ROOT.supernet(new_prefix=48)).free(within(ROOT), 64, 0, NOTHING) is None
    assert Delegated().free(within(ROOT), 64, 0, marked(ROOT.supernet(new_prefix=48))) is None
    assert not marked(ROOT).is_free(*within(small))
    assert not marked(small).is_free(*within(ROOT))
    assert marked(small).is_free(*within(halves[0]))


def test_a_longer_root_than_the_prefix_asked_for_has_none() -> None:
    assert Delegated().free(within(ROOT), 52, 0, NOTHING) is None


def test_it_agrees_with_the_plain_way_through_a_thousand_changes() -> None:
    chance = random.Random(6)
    tree, held = Delegated(), set[IPv6Network]()
    barred = [IPv6Network("2001:db8:0:ff40::/58"), IPv6Network("2001:db8:0:ff13::/64")]
    for _ in range(1_000):
        if held and chance.random() < 0.45:
            gone = chance.choice(sorted(held))
            held.remove(gone)
            tree.clear(*within(gone))
        length = chance.choice((58, 60, 62, 64))
        possible = {
            candidate
            for candidate in ROOT.subnets(new_prefix=length)
            if not any(candidate.overlaps(other) for other in (*held, *barred))
        }
        prefix = tree.free(within(ROOT), length, chance.getrandbits(8), marked(*barred))
        if prefix is None:
            assert set() == possible
            continue
        found = network(prefix, length)
        assert found in possible
        assert tree.is_free(prefix, length)
        held.add(found)
        tree.mark(prefix, length)
    assert len(held) > 3
    for gone in held:
        tree.clear(*within(gone))
    assert {} == tree._used
