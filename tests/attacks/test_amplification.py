"""One client question must not become many packets: NXNS, cycles, compositions, phantoms, label bombs (attacks of RFC 4697's
and later kinds). Packets are counted where they arrive."""

import gc
import time

import pytest
from kit.figures import holds
from kit.internet import Internet, silent
from kit.iterating import Asking

from resolver.iterate.budget import DEPTH, MOST_PACKETS, OCTETS, PACKETS

ROOT, TOP, EVIL, VICTIM = "198.51.100.1", "192.0.2.1", "192.0.2.66", "192.0.2.99"
TO_VICTIM, LABEL_BOMB = 10, 12


def internet() -> Internet:
    made = Internet()
    made.serve(".", {"a.root.": ROOT})
    made.serve("example.", {"ns.example.": TOP})
    made.serve("victim.example.", {"ns.victim.example.": VICTIM})
    made.serve("evil.example.", {"ns.evil.example.": EVIL})
    return made


def thread_time_of(asking: Asking, name: str) -> float:
    """Our own CPU seconds for one question, the simulated Internet's left out."""
    gc.collect()
    gc.disable()  # a collection over all of pytest's objects is not ours
    try:
        before, outside = time.thread_time(), asking.internet.cpu
        asking.ask(name)
        return time.thread_time() - before - (asking.internet.cpu - outside)
    finally:
        gc.enable()


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


def test_nrdelegation_1500_servers_that_never_answer() -> None:
    made = internet()
    lines = tuple(f"sub.evil.example. 3600 NS n{number}.evil.example." for number in range(1_500))
    glue = tuple(f"n{number}.evil.example. 3600 A 10.{number >> 8}.{number & 255}.1" for number in range(1_500))
    refer = made.says(authority=lines, additional=glue, flags="")
    made.behave(EVIL, refer)
    asking = Asking(made)
    spent = thread_time_of(asking, "a.sub.evil.example.")
    assert holds("NRDelegation", "packets for one question", made.packets, PACKETS)
    assert holds("NRDelegation", "CPU ms for one question, 80 kB referral included", round(1000 * spent), 200)


@pytest.mark.parametrize("length", range(2, 11))
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
    assert holds("cyclic name servers", "packets in the minute after", made.packets, int(length > DEPTH + 1))


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
    assert Asking(made).said("a.b.c.sub.evil.example.").startswith("failed")
    assert holds("self-pointed glue", "packets for one question", made.packets, 12)


def test_one_address_under_many_names_is_one_server() -> None:
    made = internet()
    lines = tuple(f"sub.evil.example. 3600 NS n{number}.evil.example." for number in range(13))
    glue = tuple(f"n{number}.evil.example. 3600 A {VICTIM}" for number in range(13))
    made.behave(EVIL, made.says(authority=lines, additional=glue, flags=""))
    made.behave(VICTIM, made.refuses())
    Asking(made).ask("a.sub.evil.example.")
    assert holds("one victim's address as glue 13 times", "packets to the victim", made.packets_to(VICTIM), 4)


@pytest.mark.parametrize("aliases", [3, 11, 40])
@pytest.mark.parametrize("depth", [1, 5, 10])
@pytest.mark.parametrize("glueless", [False, True])
def test_camp_aliases_times_delegations_times_servers_without_glue(aliases: int, depth: int, glueless: bool) -> None:
    made = internet()
    labels = ".".join(f"l{number}" for number in range(depth))
    for number in range(aliases):
        zone = f"z{number}.example."
        target = f"{labels}.z{number + 1}.example."
        made.serve(zone, {f"ns.{zone}": f"10.1.{number}.1"}, f"{labels} CNAME {target}")
        for cut in range(1, depth):
            inner = ".".join(f"l{k}" for k in range(cut, depth)) + f".z{number}.example."
            names = (
                {f"n{k}.victim.example.": () for k in range(20)} if glueless else {f"ns.{inner}": f"10.1.{number}.1"}
            )
            made.delegate(inner, names)
    asking = Asking(made)
    start = made.now()
    asking.ask(f"{labels}.z0.example.")
    assert holds("CAMP", "packets for one question", made.packets, MOST_PACKETS)
    assert holds("CAMP", "octets received for one question", made.octets, OCTETS + 1_232)
    assert holds("CAMP", "seconds for one question", made.now() - start, 5.5)


def test_an_endless_chain_of_dnames() -> None:
    made = internet()
    made.behave(EVIL, made.says("a.evil.example. 60 DNAME b.a.evil.example."))
    asking = Asking(made)
    asking.ask("x.a.evil.example.")
    assert holds("DNAME that grows", "packets for one question", made.packets, MOST_PACKETS)


def test_a_name_of_122_labels() -> None:
    made = internet()
    made.zone("evil.example.").add("*.a A 203.0.113.1")
    name = "1." * 119 + "a.evil.example."
    Asking(made).ask(name)
    assert holds("label bomb", "packets for a name of 122 labels", made.packets, LABEL_BOMB + 2)


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
    spent = min(thread_time_of(asking, "www.evil.example.") for _ in range(3))
    assert holds("60 kB of 1,000 records", "CPU ms for one question", round(1000 * spent), 60)
