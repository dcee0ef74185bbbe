"""What a server may not say is not believed: bailiwick, siblings, unsolicited records, ghosts, forged marks (CVE classes of
attacks.md §1D). A poisoned answer anywhere in the memory is a failure."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import dns.message
import dns.rdatatype
import pytest
from kit.figures import holds
from kit.internet import Internet, query_of
from kit.iterating import Asking, told
from kit.world import play

from resolver.cache.rrsets import RRsetMemory
from resolver.iterate.budget import Budget
from resolver.iterate.port import Ask, Heard, Silent
from resolver.iterate.verdict import NameServer, Referral, RRset
from resolver.settings import CacheSettings
from wire.dns.message import parse_message
from wire.dns.names import read_name
from wire.units import Instant

T = TypeVar("T")

ROOT, TOP, EVIL, BANK = "198.51.100.1", "192.0.2.1", "192.0.2.66", "192.0.2.2"
POISON = bytes((6, 6, 6, 6))


def internet() -> Internet:
    made = Internet()
    made.serve(".", {"a.root.": ROOT})
    made.serve("example.", {"ns.example.": TOP})
    made.serve("bank.example.", {"ns.bank.example.": BANK}, "www A 203.0.113.1")
    made.serve("evil.example.", {"ns.evil.example.": EVIL}, "www A 203.0.113.66")
    return made


INJECTIONS = {
    "an answer for another name": {"answer": ("www.evil.example. 60 A 203.0.113.66", "www.bank.example. 60 A 6.6.6.6")},
    "an alias and its target out of the zone": {
        "answer": ("www.evil.example. 60 CNAME www.bank.example.", "www.bank.example. 60 A 6.6.6.6")
    },
    "name servers of a sibling": {
        "answer": ("www.evil.example. 60 A 203.0.113.66",),
        "authority": ("bank.example. 60 NS ns.evil.example.",),
        "additional": ("ns.evil.example. 60 A 6.6.6.6",),
    },
    "name servers of the parent": {
        "answer": ("www.evil.example. 60 A 203.0.113.66",),
        "authority": ("example. 60 NS ns.evil.example.",),
        "additional": ("ns.evil.example. 60 A 6.6.6.6",),
    },
    "name servers of the root": {
        "answer": ("www.evil.example. 60 A 203.0.113.66",),
        "authority": (". 60 NS ns.evil.example.",),
    },
    "glue for a sibling's server": {
        "authority": ("sub.evil.example. 60 NS ns.bank.example.",),
        "additional": ("ns.bank.example. 60 A 6.6.6.6",),
        "flags": "",
    },
    "an unsolicited DNAME above": {
        "answer": ("www.evil.example. 60 A 203.0.113.66", "example. 60 DNAME evil.example."),
    },
    "a DNAME of its own with another's alias": {
        "answer": ("evil.example. 60 DNAME bank.example.", "www.evil.example. 60 CNAME x.bank.example."),
    },
    "an address for the bank's server in additional": {
        "answer": ("www.evil.example. 60 A 203.0.113.66",),
        "additional": ("ns.bank.example. 60 A 6.6.6.6",),
    },
    "a referral upwards": {"authority": ("example. 60 NS ns.evil.example.",), "flags": ""},
    "a referral sideways": {"authority": ("bank.example. 60 NS ns.evil.example.",), "flags": ""},
    "an SOA of a zone above with NXDOMAIN": {
        "authority": ("example. 60 SOA ns.example. h.example. 1 2 3 4 60",),
        "rcode": "NXDOMAIN",
    },
}


@pytest.mark.parametrize("name", INJECTIONS)
def test_nothing_foreign_is_believed(name: str) -> None:
    made = internet()
    how = dict(INJECTIONS[name])
    made.behave(EVIL, made.says(*how.pop("answer", ()), **how))  # type: ignore[arg-type]
    asking = Asking(made)
    for asked in ("www.evil.example.", "x.sub.evil.example.", "evil.example."):
        asking.ask(asked)
    made.forget()
    assert "203.0.113.1" == asking.said("www.bank.example.")
    assert "no name (bank.example.)" == asking.said("other.bank.example.")
    assert 0 == made.packets_to(EVIL)
    assert holds("injection", "poisoned entries", poisoned(asking), 0)


def poisoned(asking: Asking) -> int:
    """Entries outside of evil.example that hold the attacker's address or name."""
    evil = read_name("evil.example")
    marks = (POISON, b"6.6.6.6", evil)
    return sum(
        any(mark in repr(entry.value).encode("latin-1", "replace") or mark in _octets(entry.value) for mark in marks)
        for (owner, _), entry in asking.iterator.memory._entries.items()
        if not owner.endswith(evil)
    )


def _octets(value: object) -> bytes:
    return repr(value).encode().decode("unicode_escape", "replace").encode("latin-1", "replace")


GHOSTS = {
    "its own name servers, again and again": (("evil.example.", "NS"),),
    "its server's address": (("ns.evil.example.", "A"), ("ns.evil.example.", "AAAA")),
    "a zone below that it delegates to itself": (("www.sub.evil.example.", "A"), ("sub.evil.example.", "NS")),
    "another zone of its own as its server": (("ns.other.example.", "A"),),
}


@pytest.mark.parametrize("kept_alive_by", GHOSTS)
@pytest.mark.parametrize("anew", [False, True])
def test_the_ghost_dies_with_its_delegation(kept_alive_by: str, anew: bool) -> None:
    made = internet()
    made.zone("example.").remove("evil", "NS")
    made.zone("example.").add("evil 100 NS ns.evil.example.")
    own = made.zone("evil.example.")
    own.add("@ 604800 NS ns.evil.example.\n@ 604800 NS ns.other.example.\n*.fresh 1 A 203.0.113.66")
    made.serve("sub.evil.example.", {"ns.sub.evil.example.": EVIL}, "*.fresh 1 A 203.0.113.66")
    made.serve("other.example.", {"ns.other.example.": EVIL})
    asking = Asking(made)
    asking.ask("www.evil.example.")
    made.zone("example.").remove("evil", "NS")
    alive = 0
    for turn in range(30):
        made.advance(5)
        for name, rrtype in GHOSTS[kept_alive_by]:
            asking.ask(name, rrtype, anew=anew)
        said = [asking.said(f"n{turn}.fresh.{zone}", anew=anew) for zone in ("evil.example.", "sub.evil.example.")]
        alive += "203.0.113.66" in said
    assert holds("ghost domain", "seconds alive after its parent let go of it", alive * 5, 100)


@pytest.mark.parametrize("rcode", ["FORMERR", "NOTIMP", "BADVERS"])
def test_no_server_that_has_edns_is_marked_by_one_forged_packet(rcode: str) -> None:
    """A lucky guess of id, port and case, between honest answers: the next question has EDNS all the same."""
    made = internet()
    asking = Asking(made)
    asking.ask("www.bank.example.")
    forged = made.refuses(rcode, opt=False)
    made.behave(BANK, lambda ask: forged(ask) if ask.edns else made.honest(ask))
    asking.ask("a.bank.example.")
    made.behave(BANK, made.honest)
    made.forget()
    asking.ask("b.bank.example.")
    marked = [asked for asked in made.log if not asked.ask.edns]
    assert holds("EDNS downgrade", "servers marked by a forged packet", len(marked), 0)


def test_a_server_without_edns_is_asked_without_it_for_a_while() -> None:
    made = internet()
    made.behave(BANK, made.without_edns(made.honest))
    asking = Asking(made)
    asking.ask("www.bank.example.")
    made.forget()
    asking.ask("b.bank.example.")
    assert [False] == [asked.ask.edns for asked in made.log if asked.endpoint.address == BANK]


def test_no_server_is_marked_by_a_packet_that_repeats_no_question() -> None:
    """FORMERR that anybody could have sent: nothing is noted down unless the retry without EDNS is answered."""
    made = internet()
    made.behave(BANK, made.without_edns(made.refuses("FORMERR")))
    asking = Asking(made)
    asking.ask("www.bank.example.")
    made.behave(BANK, made.honest)
    made.advance(10)
    made.forget()
    assert "203.0.113.1" == asking.said("www.bank.example.")
    marked = [asked for asked in made.log if not asked.ask.edns]
    assert holds("EDNS downgrade", "servers marked without proof", len(marked), 0)


@pytest.mark.parametrize("section", ["answer", "authority"])
@pytest.mark.parametrize("rrtype", ["NS", "CNAME", "DNAME", "MX", "SOA"])
def test_a_name_with_something_behind_it_is_no_name(rrtype: str, section: str) -> None:
    """Taken as it is it would be another name further on; taken badly it would be an exception out of the cell."""
    made = internet()
    target = read_name("www.bank.example") + b"\3evil\0"
    rdata = {"MX": b"\0\1" + target, "SOA": target + target + bytes(21)}.get(rrtype, target)
    owner = "evil.example." if rrtype in ("DNAME", "NS", "SOA") else "www.evil.example."

    def behave(ask: Ask) -> Heard | Silent:
        heard = made.says("www.evil.example. 60 A 203.0.113.66")(ask)
        assert isinstance(heard, Heard)
        response = bytearray(dns.message.make_response(query_of(ask)).to_wire())
        response[2] |= 0x84
        response[7 if section == "answer" else 9] = 1
        name = read_name(owner.rstrip("."))
        kind = int(dns.rdatatype.from_text(rrtype)).to_bytes(2, "big")
        body = name + kind + b"\0\1\0\0\0\x3c" + len(rdata).to_bytes(2, "big") + rdata
        end = 12 + len(ask.question)
        data = bytes(response[:end]) + body + bytes(response[end:])
        return Heard(ask, parse_message(data), 1, len(data), heard.took)

    made.behave(EVIL, behave)
    asking = Asking(made)
    assert asking.said("www.evil.example.", "A").startswith(("failed", "no data"))
    assert "203.0.113.1" == asking.said("www.bank.example.")


def test_two_routes_that_ask_the_same_at_once_do_not_share_what_they_hear() -> None:
    """A stub zone inside and the same name outside: each gets its own servers' answer."""
    keys: list[object] = []
    made = internet()
    once = made.once

    async def noting(key: object, work: Callable[[], Awaitable[T]], until: float) -> T | None:
        keys.append(key)
        return await once(key, work, until)

    made.once = noting  # type: ignore[method-assign]
    for _ in range(2):
        Asking(made).ask("www.bank.example.")
    assert len(keys) == len(set(keys))


def test_type_0_denies_nobody_anything() -> None:
    made = internet()
    asking = Asking(made)
    budget = Budget(Instant(made.now() + 5))
    play(asking.iterator.answer(read_name("www.bank.example"), 0, made, budget, lambda name: True))
    assert "203.0.113.1" == asking.said("www.bank.example.")


@pytest.mark.parametrize("links", [1, 2])
def test_what_a_zone_says_of_another_routes_name_does_not_count(links: int) -> None:
    made = internet()
    chain = ("www.evil.example. 60 CNAME x.corp.evil.example.", "x.corp.evil.example. 60 A 6.6.6.6")
    if links == 2:
        chain = (chain[0], "x.corp.evil.example. 60 CNAME y.evil.example.", "y.evil.example. 60 A 6.6.6.6")
    made.behave(EVIL, made.says(*chain))
    corp = read_name("corp.evil.example")
    outcome = Asking(made).ask("www.evil.example.", leads=lambda name: not name.endswith(corp))
    assert "→ x.corp.evil.example. …" == told(outcome)
    assert read_name("x.corp.evil.example") == outcome.onward  # type: ignore[union-attr]


def test_the_alias_of_a_servers_name_leaves_only_if_it_may() -> None:
    made = internet()
    made.delegate("bad.example.", {"srv.evil.example.": ()})
    made.zone("evil.example.").add("srv CNAME secret.onion.")
    onion = read_name("onion")
    asking = Asking(made)
    assert asking.ask("www.bad.example.", leads=lambda name: not name.endswith(onion))
    assert [] == [asked.question for asked in made.log if "onion" in asked.name]


def test_the_memory_counts_what_referrals_bring_along() -> None:
    memory = RRsetMemory(CacheSettings(memory=1 << 20))
    proof = tuple(RRset(read_name(f"n{n}.example"), 47, 60, (bytes(200),), (bytes(200),)) for n in range(40))
    for number in range(300):
        zone = read_name(f"z{number}.example")
        memory.store_cut(Referral(zone, (NameServer(read_name("ns.example")),), 3_600, None, proof), 1e9, Instant(0.0))
    assert len(memory) < 60


def test_the_root_is_shown_no_whole_name_for_a_typo() -> None:
    made = internet()
    assert "no name (.)" == Asking(made).said("secret.host.nonexistent.")
    assert 1 == made.labels_shown(ROOT)
