"""The questions of the demo, each with the answer it must get and where it must, or must not, go."""

from dataclasses import dataclass

ANYBODY = "North or South"
NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Question:
    """`answer` is the set of record data. `goes`: the operators that must see it. `over`: the client's transport. `subnet`:
    the client adds this as a client-subnet option. `group`: the upstream group that the route must lead to."""

    name: str
    rrtype: str
    answer: frozenset[str]
    goes: str = ANYBODY
    over: str = "UDP"
    group: str = "default"
    rcode: str = "NOERROR"
    subnet: str = ""
    note: str = ""


def _q(name: str, rrtype: str, *answer: str, **more: str) -> Question:
    return Question(name, rrtype, frozenset(answer), **more)


QUESTIONS = (
    _q("www.harbour.example.", "A", "192.0.2.10"),
    _q("www.harbour.example.", "A", "192.0.2.10", goes=NOBODY, note="again: from the cache"),
    _q("WWW.Harbour.Example.", "AAAA", "2001:db8::10", over="TCP", note="the same site, so the same operator"),
    _q("shop.harbour.example.", "A", "192.0.2.20", "192.0.2.21", note="two CNAMEs"),
    _q("harbour.example.", "MX", "10 mail.harbour.example.", "20 spare.harbour.example."),
    _q("www.lighthouse.example.", "HTTPS", '1 . alpn="h2,h3" ipv4hint="192.0.2.20"'),
    _q("long.harbour.example.", "TXT", "9 records", note="truncated over UDP, then TCP"),
    _q("missing.harbour.example.", "A", rcode="NXDOMAIN"),
    _q("www.harbour.example.", "CAA", note="exists, no such data"),
    _q("ecs.reef.example.", "A", "192.0.2.30", subnet="203.0.113.0/24", note="the client's subnet must not arrive"),
    _q("printer.office.example.", "A", "198.51.100.7", goes="South", group="office", note="a route: DoH only"),
    _q("www.ferry.example.", "A", "192.0.2.40", goes="North", group="ferry", note="the first upstream is dead"),
    _q(
        "www.sealed.example.",
        "A",
        goes=NOBODY,
        group="sealed",
        rcode="SERVFAIL",
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
    _q("localhost.", "A", "127.0.0.1", goes=NOBODY, group="", note="answered here"),
    _q("printer.home.arpa.", "A", goes=NOBODY, group="", rcode="NXDOMAIN", note="never leaves"),
    _q("4.3.2.10.in-addr.arpa.", "PTR", goes=NOBODY, group="", rcode="NXDOMAIN", note="never leaves"),
    _q("_dns.resolver.arpa.", "SVCB", goes=NOBODY, group="", note="no upstream's offer is passed on"),
    *(_q(f"www.site{n}.example.", "A", f"192.0.2.{100 + n}", note="spread by site") for n in range(6)),
)
