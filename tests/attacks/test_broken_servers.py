"""Servers that err must not make us ask again and again (resend loops), and what they say must not mark anybody for long.
Every kind of misbehaviour, alone, in fours and in thirteens."""

from collections.abc import Callable

import dns.flags
import dns.message
import dns.rcode
import pytest
from kit.figures import holds
from kit.internet import Behaviour, Internet, drops_edns, nonsense, silent, unreachable
from kit.iterating import Asking

from resolver.iterate.budget import PACKETS

ROOT, TOP = "198.51.100.1", "192.0.2.1"
FOR_ONE = 12
"""Packets to a zone's only server for one question: a shortened name and the whole one, each three times, each with EDNS and
without."""


def truncate(response: dns.message.Message) -> None:
    """Over UDP and over TCP alike."""
    response.flags |= dns.flags.TC
    response.answer.clear()


def say_nothing(response: dns.message.Message) -> None:
    """NOERROR, no records, no AA: lame without a word."""
    response.flags &= ~dns.flags.AA
    response.set_rcode(dns.rcode.NOERROR)
    response.answer.clear()
    response.authority.clear()


MISBEHAVIOURS: dict[str, Callable[[Internet], Behaviour]] = {
    "silent": lambda made: silent,
    "unreachable": lambda made: unreachable,
    "nonsense": lambda made: nonsense,
    "SERVFAIL": lambda made: made.refuses("SERVFAIL"),
    "REFUSED": lambda made: made.refuses("REFUSED"),
    "FORMERR": lambda made: made.refuses("FORMERR"),
    "FORMERR without OPT": lambda made: made.refuses("FORMERR", opt=False),
    "NOTIMP without OPT": lambda made: made.refuses("NOTIMP", opt=False),
    "BADVERS": lambda made: made.refuses("BADVERS"),
    "BADCOOKIE": lambda made: made.refuses("BADCOOKIE"),
    "code 14": lambda made: made.refuses("14", opt=False),
    "silent with EDNS, SERVFAIL without": lambda made: drops_edns(made.refuses("SERVFAIL")),
    "FORMERR with EDNS, silent without": lambda made: made.without_edns(silent),
    "truncated everywhere": lambda made: made.altered(truncate),
    "empty": lambda made: made.altered(say_nothing),
    "refers upwards": lambda made: made.upward(),
    "refers to itself": lambda made: made.says(authority=("bad.example. 60 NS n0.bad.example.",), flags=""),
    "refers to a zone that has no server": lambda made: made.says(authority=("sub.bad.example. 60 NS .",), flags=""),
    "an alias to itself": lambda made: made.says("www.sub.bad.example. 0 CNAME www.sub.bad.example."),
    "hearsay without end": lambda made: made.hearsay("www.sub.bad.example. 0 CNAME www.sub.bad.example."),
    "TTL 0 everywhere": lambda made: made.says("www.sub.bad.example. 0 CNAME x.sub.bad.example."),
}


def internet(misbehaviour: str, servers: int) -> tuple[Internet, tuple[str, ...]]:
    made = Internet()
    made.serve(".", {"a.root.": ROOT})
    made.serve("example.", {"ns.example.": TOP})
    addresses = tuple(f"203.0.113.{number + 1}" for number in range(servers))
    made.serve("bad.example.", {f"n{number}.bad.example.": address for number, address in enumerate(addresses)})
    for address in addresses:
        made.behave(address, MISBEHAVIOURS[misbehaviour](made))
    return made, addresses


@pytest.mark.parametrize("servers", [1, 4, 13])
@pytest.mark.parametrize("misbehaviour", MISBEHAVIOURS)
def test_no_server_that_errs_is_asked_without_end(misbehaviour: str, servers: int) -> None:
    made, addresses = internet(misbehaviour, servers)
    asking = Asking(made)
    started = made.now()
    asking.ask("www.sub.bad.example.")
    what = f"packets for one question to {'a server that errs' if servers == 1 else 'up to 13 that err'}"
    assert holds("resend loops", what, made.packets_to(*addresses), FOR_ONE if servers == 1 else PACKETS)
    assert holds("resend loops", "packets in all for one question", made.packets, PACKETS)
    assert holds("resend loops", "seconds for one question", round(made.now() - started, 2), 5.1)
    made.forget()
    for number in range(10):
        asking.ask(f"w{number}.sub.bad.example.")
    assert holds("resend loops", "packets for each of ten more questions", made.packets / 10, PACKETS)
