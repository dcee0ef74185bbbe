"""Whatever arrives: no exception, no address of two clients, no lease taken by another client."""

import random

import pytest
from kit.dhcp6 import CLIENT, OURS, RELAY, SERVER, SETTINGS, Site6, duid, hop, ip6, message, na, pd, with_lan

from dhcp.delegated import Delegated
from dhcp.identity import Identifier
from dhcp.settings import Delegation, Pool
from dhcp.values import Arrival, Kind, State
from wire.dhcp.codes6 import MessageType6, Option6
from wire.dhcp.contents6 import ClientName, build_client_name
from wire.dhcp.packet6 import Packet6, Relayed, build_packet6, build_relayed, parse_packet6
from wire.errors import Malformed

SMALL = with_lan(
    pools=(Pool(ip6("2001:db8:1::1000"), ip6("2001:db8:1::100f")),),
    delegations=(Delegation(ip6("2001:db8:ff00::"), 60, 62), Delegation(ip6("2001:db8:ff00:80::"), 60, 64)),
)
KINDS = [1, 3, 4, 5, 6, 8, 9, 11]
NAME = (Option6.CLIENT_FQDN, build_client_name(ClientName(1, (b"phone",), False)))


def some(chance: random.Random) -> Packet6:
    """A message of one of eight clients, mostly a sensible one."""
    kind = chance.choice(KINDS)
    named = kind in (3, 5, 8, 9) or chance.random() < 0.05
    associations = []
    for _ in range(chance.randrange(3)):
        iaid = chance.randrange(3)
        address = ip6(f"2001:db8:{chance.choice((1, 1, 1, 2))}::{0x1000 + chance.randrange(18):x}")
        prefix = ip6(f"2001:db8:ff00:{chance.randrange(0, 0x90, 4):x}::")
        associations.append(
            na(*[address] * chance.randrange(2), iaid=iaid)
            if chance.random() < 0.5
            else pd(*[(prefix, chance.choice((60, 62, 64)))] * chance.randrange(2), iaid=iaid)
        )
    options = [NAME] * chance.randrange(2) + [(Option6.RAPID_COMMIT, b"")] * chance.randrange(2)
    asked = (23, 24, 39, 67, 144)
    who = duid(chance.randrange(8), chance.choice((0, 2)))
    return message(kind, *associations, who=who, server=SERVER if named else b"", asked=asked, options=options)


@pytest.mark.parametrize("seed", range(4))
def test_no_exception_and_no_change_that_the_book_refuses(seed: int) -> None:
    """Octets of messages, changed at random, directly and through relays."""
    chance, site, answered = random.Random(seed), Site6(SMALL), 0
    arrival = Arrival(1, CLIENT, ip6("ff02::1:2"), b"", 546)
    for _ in range(1_500):
        packet = some(chance)
        relayed = Relayed((hop(chance.choice(("2001:db8:1::1", "::"))),) * chance.randrange(1, 4), packet)
        through = chance.random() < 0.3
        data = bytearray(build_relayed(12, relayed) if through else build_packet6(packet))
        for _ in range(chance.randrange(3)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            parsed = parse_packet6(bytes(data[: len(data) - chance.randrange(3)]))
        except Malformed:
            continue
        outcome = site.look(parsed, Arrival(1, RELAY, OURS, b"", 547) if isinstance(parsed, Relayed) else arrival)
        site.apply(outcome.changes)
        answered += outcome.reply is not None
        site.later(chance.choice((0, 0, 1, 40)))
    assert answered > 200


@pytest.mark.parametrize("seed", range(4))
def test_a_lease_changes_only_by_its_client_or_its_end(seed: int) -> None:
    chance, site = random.Random(seed), Site6(SMALL)
    leased = 0
    for _ in range(1_000):
        packet = some(chance)
        who = packet.option(Option6.CLIENT_IDENTIFIER)
        before = {(lease.kind, lease.address): lease for lease in site.book.leases()}
        site.send(packet)
        after = {(lease.kind, lease.address): lease for lease in site.book.leases()}
        for place, lease in before.items():
            now = after.get(place)
            if lease.client != site.book.tag(Identifier.DUID, who or b""):
                # But for one whose address was asked back, and that did not answer.
                assert lease == now or lease.address in site.probed, MessageType6(packet.kind)
        check_apart(site)
        leased += len(site.held())
        site.later(chance.choice((0, 0, 1, 40, 4_000)))
    assert leased > 1_000, "leases there were"


def check_apart(site: Site6) -> None:
    """No delegated prefix is part of another, and each address is in the subnet that it says."""
    tree = Delegated()
    for lease in site.book.leases():
        if lease.kind is Kind.PREFIX6:
            assert tree.is_free(lease.address, lease.length)
            tree.mark(lease.address, lease.length)
        elif lease.state is State.BOUND:
            assert lease.address.startswith(SETTINGS.subnets[0].prefix[:8])
