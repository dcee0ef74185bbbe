"""One client question must not become many packets: NXNS, cycles, compositions, phantoms, label bombs (attacks of RFC 4697's
and later kinds). Packets are counted where they arrive."""

from collections.abc import Callable

import pytest
from kit.figures import holds
from kit.internet import Internet, silent
from kit.iterating import Asking, own_milliseconds

from resolver.iterate.budget import MOST_PACKETS, PACKETS

ROOT, TOP, EVIL, VICTIM, BYSTANDER = "198.51.100.1", "192.0.2.1", "192.0.2.66", "192.0.2.99", "192.0.2.98"
TO_VICTIM, LABEL_BOMB = 10, 12
NRDELEGATION_MILLISECONDS = 20
"""A tenth of that is usual; work is counted in tests/attacks/test_large_messages.py."""


def internet() -> Internet:
    made = Internet()
    made.serve(".", {"a.root.": ROOT})
    made.serve("example.", {"ns.example.": TOP})
    made.serve("victim.example.", {"ns.victim.example.": VICTIM})
    made.serve("evil.example.", {"ns.evil.example.": EVIL})
    return made


@pytest.mark.parametrize("servers", [1, 2, 10, 100, 1_500])
def test_nxns_a_referral_to_many_names_of_a_victim(servers: int) -> None:
    made = internet()
    lines = tuple(f"sub.evil.example. 3600 NS n{number}.victim.example." for number in range(servers))
    made.behave(EVIL, made.says(authority=lines, flags=""))
    asking = Asking(made)
    asking.ask("a.sub.evil.example.")
    assert holds("NXNS", "packets to the victim for one question", made.packets_to(VICTIM), TO_VICTIM)
    assert holds("NXNS", "packets in all for one question", made.packets, PACKETS)
    made.forget()
    for number in range(20):
        asking.ask(f"b{number}.sub.evil.example.")
    assert holds("NXNS", "packets to the victim for 20 more questions", made.packets_to(VICTIM), 2 * TO_VICTIM)


def absent(made: Internet) -> None:
    """The names do not exist."""


def there(made: Internet) -> None:
    """Each has an address, of somebody who does not know the zone."""
    made.zone("victim.example.").add(f"* A {BYSTANDER}")
    made.behave(BYSTANDER, made.refuses())


def unsigned(made: Internet) -> None:
    """They do not exist, and there is no SOA to say for how long."""
    made.behave(VICTIM, made.says(rcode="NXDOMAIN"))


def empty(made: Internet) -> None:
    """They exist and have no address."""
    made.zone("victim.example.").add("* TXT nothing")


def failing(made: Internet) -> None:
    """The victim is overloaded."""
    made.behave(VICTIM, made.refuses("SERVFAIL"))


def dead(made: Internet) -> None:
    """The victim is down already."""
    made.behave(VICTIM, silent)


@pytest.mark.parametrize("victim", [absent, there, unsigned, empty, failing, dead])
def test_nxns_whatever_the_victim_answers(victim: Callable[[Internet], None]) -> None:
    made = internet()
    victim(made)
    lines = tuple(f"sub.evil.example. 3600 NS n{number}.victim.example." for number in range(1_500))
    made.behave(EVIL, made.says(authority=lines, flags=""))
    asking = Asking(made)
    asking.ask("a.sub.evil.example.")
    assert holds("NXNS", "packets to the victim for one question", made.packets_to(VICTIM), TO_VICTIM)
    assert holds("NXNS", "packets to an address that the names have", made.packets_to(BYSTANDER), 2)
    assert holds("NXNS", "packets in all for one question", made.packets, PACKETS)
    made.forget()
    for number in range(20):
        asking.ask(f"b{number}.sub.evil.example.")
    assert holds("NXNS", "packets to the victim for 20 more questions", made.packets_to(VICTIM), 2 * TO_VICTIM)


def test_nxns_with_a_victim_for_each_name() -> None:
    made = internet()
    for number in range(100):
        made.serve(f"v{number}.example.", {f"ns.v{number}.example.": f"10.9.{number}.1"})
    lines = tuple(f"sub.evil.example. 3600 NS a.v{number}.example." for number in range(100))
    made.behave(EVIL, made.says(authority=lines, flags=""))
    Asking(made).ask("a.sub.evil.example.")
    victims = [made.packets_to(f"10.9.{number}.1") for number in range(100)]
    assert holds("NXNS, 100 victims", "packets to all of them for one question", sum(victims), TO_VICTIM)
    assert holds("NXNS, 100 victims", "packets in all for one question", made.packets, PACKETS)


def test_nxns_by_glue_with_a_hundred_addresses_of_victims() -> None:
    """Nothing to look up: every address is given, eight for each of 13 names, and none of them knows the zone."""
    made = internet()
    lines = tuple(f"sub.evil.example. 3600 NS n{number}.evil.example." for number in range(13))
    addresses = [f"10.8.{number}.{last}" for number in range(13) for last in range(1, 9)]
    glue = tuple(f"n{number}.evil.example. 3600 A 10.8.{number}.{last}" for number in range(13) for last in range(1, 9))
    made.behave(EVIL, made.says(authority=lines, additional=glue, flags=""))
    for address in addresses:
        made.behave(address, made.refuses())
    asking = Asking(made)
    asking.ask("a.sub.evil.example.")
    assert holds("glue of 104 victims", "packets to each for one question", max(map(made.packets_to, addresses)), 2)
    assert holds("glue of 104 victims", "packets in all for one question", made.packets, PACKETS)


def test_nrdelegation_1500_servers_that_never_answer() -> None:
    made = internet()
    lines = tuple(f"sub.evil.example. 3600 NS n{number}.evil.example." for number in range(1_500))
    glue = tuple(f"n{number}.evil.example. 3600 A 10.{number >> 8}.{number & 255}.1" for number in range(1_500))
    refer = made.says(authority=lines, additional=glue, flags="")
    made.behave(EVIL, refer)
    asking = Asking(made)
    spent = own_milliseconds(asking, "a.sub.evil.example.")
    assert holds("NRDelegation", "packets for one question", made.packets, PACKETS)
    assert holds("NRDelegation", "CPU ms for one question, 80 kB referral included", spent, NRDELEGATION_MILLISECONDS)


@pytest.mark.parametrize("length", range(2, 12))
def test_cyclic_delegations(length: int) -> None:
    made = internet()
    for number in range(length):
        made.delegate(f"c{number}.example.", {f"ns.c{(number + 1) % length}.example.": ()})
    asking = Asking(made)
    assert asking.said("www.c0.example.").startswith("failed")
    assert holds("cyclic name servers", "packets for the first question", made.packets, PACKETS)
    made.forget()
    for second in range(0, 60, 5):
        made.advance(5)
        asking.ask(f"w{second}.c{second % length}.example.")
    assert holds("cyclic name servers", "packets in the minute after", made.packets, 0)


@pytest.mark.parametrize("length", [12, 30])
def test_circles_longer_than_we_look(length: int) -> None:
    """Each delegation is learned once, and then nobody is asked."""
    made = internet()
    for number in range(length):
        made.delegate(f"c{number}.example.", {f"ns.c{(number + 1) % length}.example.": ()})
    asking = Asking(made)
    for second in range(60):
        made.advance(1)
        asking.ask(f"w{second}.c{second % length}.example.")
    assert holds("longer circles", "packets in a minute, for each zone of the circle", made.packets / length, 1.5)


def test_glue_that_points_to_the_sender_again_and_again() -> None:
    made = internet()
    made.behave(
        EVIL,
        made.says(
            authority=("sub.evil.example. 3600 NS ns.sub.evil.example.",),
            additional=(f"ns.sub.evil.example. 3600 A {EVIL}",),
            flags="",
        ),
    )
    asking = Asking(made)
    expected = [
        ".? . NS",
        ".? example. A",
        "example.? evil.example. A",
        "evil.example.? sub.evil.example. A",
        "sub.evil.example.? c.sub.evil.example. A",
        "sub.evil.example.? b.c.sub.evil.example. A",
        "sub.evil.example.? a.b.c.sub.evil.example. A",
    ]
    assert expected == asking.questions("a.b.c.sub.evil.example.")
    assert holds("self-pointed glue", "packets for one question", made.packets, len(expected))
    # The server is known to be lame for the zone by now.
    assert [] == asking.questions("d.sub.evil.example.")[1:]


def test_one_address_under_many_names_is_one_server() -> None:
    made = internet()
    lines = tuple(f"sub.evil.example. 3600 NS n{number}.evil.example." for number in range(13))
    glue = tuple(f"n{number}.evil.example. 3600 A {VICTIM}" for number in range(13))
    made.behave(EVIL, made.says(authority=lines, additional=glue, flags=""))
    made.behave(VICTIM, made.refuses())
    Asking(made).ask("a.sub.evil.example.")
    assert holds("one victim's address as glue 13 times", "packets to the victim", made.packets_to(VICTIM), 4)


def test_an_endless_chain_of_dnames() -> None:
    made = internet()
    made.behave(EVIL, made.says("a.evil.example. 60 DNAME b.a.evil.example."))
    asking = Asking(made)
    asking.ask("x.a.evil.example.")
    assert holds("DNAME that grows", "packets for one question", made.packets, MOST_PACKETS)


def test_a_name_of_127_labels() -> None:
    """The most there are in 255 octets."""
    made = Internet()
    made.serve(".", {"a.root.": ROOT})
    made.serve("e.", {"ns.e.": TOP}, "*.a A 203.0.113.1")
    name = "1." * 125 + "a.e."
    asking = Asking(made)
    asking.ask("www.a.e.")
    made.forget()
    assert "203.0.113.1" == asking.said(name)
    assert holds("label bomb", "packets for a name of 127 labels", made.packets, LABEL_BOMB)
    made.forget()
    asking.ask("2." * 125 + "a.e.")
    assert holds("label bomb", "packets for the next", made.packets, LABEL_BOMB)


def test_a_delegation_at_each_of_100_labels() -> None:
    made = internet()
    for depth in range(1, 100):
        zone = "1." * depth + "evil.example."
        made.serve(zone, {f"ns.{zone}": f"10.2.{depth}.1"})
    asking = Asking(made)
    asking.ask("1." * 100 + "evil.example.")
    assert holds("label bomb", "packets for 100 delegations inside each other", made.packets, PACKETS)


def test_phantom_servers_are_given_up() -> None:
    made = internet()
    made.behave(EVIL, silent)
    asking = Asking(made)
    for number in range(50):
        asking.ask(f"n{number}.evil.example.")
    assert holds("phantom domain", "packets to a dead server for 50 questions", made.packets_to(EVIL), 60)
    assert holds("phantom domain", "packets to its parent for 50 questions", made.packets_to(TOP), 4)


def test_random_subdomains_cost_one_packet_each_and_nobody_else_anything() -> None:
    made = internet()
    asking = Asking(made)
    asking.ask("www.victim.example.")
    made.forget()
    for number in range(200):
        asking.ask(f"x{number}.evil.example.")
    assert holds("random subdomains", "packets to the zone's server for 200 names", made.packets_to(EVIL), 200)
    assert holds("random subdomains", "packets to anybody else", made.packets - made.packets_to(EVIL), 1)
    made.forget()
    asking.ask("mail.victim.example.")
    assert holds("random subdomains", "packets for somebody else's question", made.packets, 1)


def test_a_large_answer_costs_no_more_than_it_should() -> None:
    made = internet()
    filler = tuple(f"www.evil.example. 60 TXT {'x' * 40}{number}" for number in range(1_000))
    made.behave(EVIL, made.says(*filler))
    asking = Asking(made)
    spent = min(own_milliseconds(asking, "www.evil.example.") for _ in range(3))
    assert holds("60 kB of 1,000 records", "CPU ms for one question", spent, 60)
