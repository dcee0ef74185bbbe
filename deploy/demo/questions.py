"""The questions of the demo, each with the answer it must get, what that is worth, and where it must, or must not, go."""

from dataclasses import dataclass
from typing import Any

ANYBODY = "North or South"
NOBODY = "nobody"
SECURE, INSECURE, UNTOLD = "secure", "insecure", "-"
FORGED, EXPIRED, BLOCKED, NETWORK = 6, 7, 15, 23
"""Extended errors (RFC 8914)."""


@dataclass(frozen=True, slots=True)
class Question:
    """`answer` is the set of record data. `goes`: the operators that must see it. `over`: the client's transport. `subnet`:
    the client adds this as a client-subnet option. `group`: the upstream group that the route must lead to. `sets`: the bits
    of the query: AD asks what the answer is worth, DO for the signatures as well, CD for what is not validated. `worth`: what
    AD must come to, UNTOLD where nothing was validated or nobody asked. `error`: the extended error."""

    name: str
    rrtype: str
    answer: frozenset[str]
    goes: str = ANYBODY
    over: str = "UDP"
    group: str = "default"
    rcode: str = "NOERROR"
    subnet: str = ""
    sets: str = "AD"
    worth: str = SECURE
    error: int = 0
    note: str = ""


def _q(name: str, rrtype: str, *answer: str, **more: Any) -> Question:
    return Question(name, rrtype, frozenset(answer), **more)


HARBOUR_DS = "42637 13 2 f901f17fe3b144687adb7b60f6145262cdc4d7e9e5662242ed80a6c4cf2151e8"

QUESTIONS = (
    _q("www.harbour.example.", "A", "192.0.2.10", note="and the keys from the root down"),
    _q("www.harbour.example.", "A", "192.0.2.10", goes=NOBODY, note="again: from the cache"),
    _q(
        "www.harbour.example.",
        "A",
        "192.0.2.10",
        goes=NOBODY,
        sets="",
        worth=UNTOLD,
        note="did not ask what it is worth",
    ),
    _q("www.harbour.example.", "A", "192.0.2.10", sets="DO", note="with the signatures"),
    _q("WWW.Harbour.Example.", "AAAA", "2001:db8::10", over="TCP", note="the same site, so the same operator"),
    _q("shop.harbour.example.", "A", "192.0.2.20", "192.0.2.21", note="two CNAMEs into another zone"),
    _q("harbour.example.", "MX", "10 mail.harbour.example.", "20 spare.harbour.example."),
    _q("harbour.example.", "DS", HARBOUR_DS, note="of its parent"),
    _q("www.lighthouse.example.", "HTTPS", '1 . alpn="h2,h3" ipv4hint="192.0.2.20"'),
    _q("long.harbour.example.", "TXT", "9 records", note="truncated over UDP, then TCP"),
    _q("missing.harbour.example.", "A", rcode="NXDOMAIN", note="proved"),
    _q("nothing.harbour.example.", "A", goes=NOBODY, rcode="NXDOMAIN", note="follows from that proof (RFC 8198)"),
    _q("www.harbour.example.", "CAA", note="exists, proved to have no such data"),
    _q("missing.lighthouse.example.", "A", rcode="NXDOMAIN", note="proved by NSEC3"),
    _q("ecs.reef.example.", "A", "192.0.2.30", subnet="203.0.113.0/24", note="the client's subnet must not arrive"),
    _q("www.drift.example.", "A", "192.0.2.50", worth=INSECURE, note="it is proved that nothing there is signed"),
    _q(
        "www.forged.example.",
        "A",
        rcode="SERVFAIL",
        worth=UNTOLD,
        error=FORGED,
        note="not what was signed; asked for once more",
    ),
    _q("www.forged.example.", "A", "203.0.113.66", sets="CD", worth=UNTOLD, note="who wants it all the same"),
    _q("www.expired.example.", "A", rcode="SERVFAIL", worth=UNTOLD, error=EXPIRED),
    _q(
        "www.treasure.example.",
        "A",
        "192.0.2.60",
        goes="Pirate, North",
        group="treasure",
        note="the first upstream lies",
    ),
    _q(
        "printer.office.example.",
        "A",
        "198.51.100.7",
        goes="South",
        group="office",
        worth=INSECURE,
        note="a route to a private server: DoH only, and its word counts",
    ),
    _q("www.ferry.example.", "A", "192.0.2.40", goes="North", group="ferry", note="the first upstream is dead"),
    _q(
        "www.sealed.example.",
        "A",
        goes=NOBODY,
        group="sealed",
        rcode="SERVFAIL",
        worth=UNTOLD,
        error=NETWORK,
        note="wrong certificate: nothing is sent",
    ),
    _q(
        "www.cove.island.",
        "A",
        "203.0.113.80",
        goes="Root, Island, Cove",
        group="iterate",
        note="a route that iterates: each server sees one label more than it serves",
    ),
    _q("a.deep.cove.island.", "AAAA", "2001:db8::80", goes="Cove", group="iterate", note="the way down is known"),
    _q("missing.cove.island.", "A", goes="Cove", group="iterate", rcode="NXDOMAIN"),
    _q("localhost.", "A", "127.0.0.1", goes=NOBODY, group="", worth=UNTOLD, note="answered here"),
    _q("printer.home.arpa.", "A", goes=NOBODY, group="", rcode="NXDOMAIN", worth=UNTOLD, note="never leaves"),
    _q("4.3.2.10.in-addr.arpa.", "PTR", goes=NOBODY, group="", rcode="NXDOMAIN", worth=UNTOLD, note="never leaves"),
    _q("nas.cabin.home.arpa.", "A", "192.168.77.9", goes=NOBODY, group="", worth=UNTOLD, note="a name of the house"),
    _q("9.77.168.192.in-addr.arpa.", "PTR", "nas.cabin.home.arpa.", goes=NOBODY, group="", worth=UNTOLD),
    _q("adverts.reef.example.", "A", "0.0.0.0", goes=NOBODY, group="", worth=UNTOLD, error=BLOCKED, note="on a list"),
    _q("banner.reef.example.", "A", "0.0.0.0", worth=INSECURE, error=BLOCKED, note="an alias of it"),
    _q("www.casino.example.", "A", rcode="NXDOMAIN", goes=NOBODY, group="", worth=UNTOLD, error=BLOCKED, note="a rule"),
    _q("inward.reef.example.", "A", worth=INSECURE, error=BLOCKED, note="an address of the inside, from outside"),
    *(_q(f"www.site{n}.example.", "A", f"192.0.2.{100 + n}", note="spread by site") for n in range(6)),
)
