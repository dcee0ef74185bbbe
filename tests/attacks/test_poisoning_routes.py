"""The same injections where one does not start at the root: a stub zone's own servers, and a forwarding upstream."""

import dns.message
import pytest
from kit.figures import holds
from kit.internet import Internet, query_of
from kit.iterating import Asking
from kit.judged import judge

from resolver.compose import Accepted
from resolver.iterate.port import Ask, Endpoint, Heard
from resolver.settings import Authority, CacheSettings
from resolver.values import Query, QueryFlag
from wire.dns.message import parse_message
from wire.dns.names import is_below, read_name, show_name
from wire.units import Seconds

SERVER, BANK = "192.0.2.66", "192.0.2.2"
POISON = bytes((6, 6, 6, 6))
ASKED = "www.evil.example."
ADDRESS = f"{ASKED} 60 A 203.0.113.66"

INJECTIONS = {
    "another name's address": {"answer": (ADDRESS, "www.bank.example. 60 A 6.6.6.6")},
    "another name's alias": {"answer": (ADDRESS, "www.bank.example. 60 CNAME www.evil.example.")},
    "name servers of a sibling": {
        "answer": (ADDRESS,),
        "authority": ("bank.example. 60 NS ns.evil.example.",),
        "additional": ("ns.evil.example. 60 A 6.6.6.6", "ns.bank.example. 60 A 6.6.6.6"),
    },
    "name servers of the zone above": {
        "answer": (ADDRESS,),
        "authority": ("example. 60 NS ns.evil.example.",),
        "additional": ("ns.evil.example. 60 A 6.6.6.6",),
    },
    "a DNAME of the zone above": {"answer": (ADDRESS, "example. 60 DNAME evil.example.")},
    "a DNAME of a sibling": {"answer": (ADDRESS, "bank.example. 60 DNAME evil.example.")},
    "a referral to the zone above": {"authority": ("example. 60 NS ns.evil.example.",), "flags": ""},
    "a referral to the root": {"authority": (". 60 NS ns.evil.example.",), "flags": ""},
    "glue of a sibling's server": {
        "authority": ("www.evil.example. 60 NS ns.bank.example.",),
        "additional": ("ns.bank.example. 60 A 6.6.6.6",),
        "flags": "",
    },
}


def says(made: Internet, injection: str):  # type: ignore[no-untyped-def] # a Behaviour
    how = dict(INJECTIONS[injection])
    return made.says(*how.pop("answer", ()), **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("injection", INJECTIONS)
def test_a_stub_zones_server_is_believed_of_its_zone_only(injection: str) -> None:
    made = Internet()
    stub = {
        "zone": read_name("evil.example."),
        "prime": False,
        "servers": (Authority(read_name("ns.evil."), (SERVER,)),),
    }
    made.behave(SERVER, says(made, injection))
    made.behave("6.6.6.6", made.says("x.evil.example. 60 A 6.6.6.6"))
    asking = Asking(made, stub)
    for name in (ASKED, "x.evil.example.", "evil.example."):
        asking.ask(name, leads=lambda name: is_below(name, read_name("evil.example.")))
    own = read_name("evil.example.")
    foreign = [owner for owner, _ in asking.iterator.memory._entries if not is_below(owner, own)]
    assert holds("injection, stub", "entries outside of the zone", len(foreign), 0)
    assert holds("injection, stub", "packets to an injected address", made.packets_to("6.6.6.6", BANK), 0)


@pytest.mark.parametrize("flags", [QueryFlag.RD, QueryFlag.RD | QueryFlag.DO], ids=["plain", "DO"])
@pytest.mark.parametrize("injection", INJECTIONS)
def test_a_forwarded_answer_holds_what_was_asked_for_and_nothing_else(injection: str, flags: int) -> None:
    made = Internet()
    key = read_name(ASKED) + b"\0\1\0\1"
    heard = says(made, injection)(Ask(Endpoint(SERVER), b"\0", key, Seconds(1.0)))
    assert isinstance(heard, Heard)
    accepted = judge(Query(key, int(flags), 0, 1), heard.message.data, CacheSettings())
    assert isinstance(accepted, Accepted)
    message = parse_message(accepted.message)
    foreign = {show_name(record.owner) for record in (*message.answer, *message.authority)} - {ASKED}
    assert holds("injection, forwarded", "foreign names in the answer", len(foreign), 0)
    assert holds("injection, forwarded", "poisoned answers", accepted.message.count(POISON), 0)
    assert [] == message.additional
    if not message.answer:
        assert holds(
            "injection, forwarded", "seconds that a referral is kept", accepted.keep, CacheSettings().failure_ttl
        )


def test_the_simulated_upstream_gives_what_it_was_told() -> None:
    """So that the tests above do not pass for want of an attack."""
    made = Internet()
    key = read_name(ASKED) + b"\0\1\0\1"
    ask = Ask(Endpoint(SERVER), b"\0", key, Seconds(1.0))
    for injection in INJECTIONS:
        heard = says(made, injection)(ask)
        assert isinstance(heard, Heard)
        came = dns.message.from_wire(heard.message.data)
        assert came.question == query_of(ask).question
        sections = INJECTIONS[injection]
        lines = sum(len(sections.get(part, ())) for part in ("answer", "authority", "additional"))
        assert lines == sum(
            len(rrset) for section in (came.answer, came.authority, came.additional) for rrset in section
        )
