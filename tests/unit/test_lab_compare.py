"""The comparison of answers sees what it is there to see."""

import dns.message
import dns.name
import dns.rdatatype
import pytest
from lab.compare import Difference, differences, stands_alone, words
from lab.questions import Question

ALIASES = "www.example. 300 IN CNAME a.example.", "a.example. 300 IN A 192.0.2.1"


def response(*answer: str, flags: str = "QR RD RA", rcode: str = "NOERROR", authority: str = "") -> dns.message.Message:
    lines = (
        *("id 1", f"rcode {rcode}", f"flags {flags}", ";QUESTION", "www.example. IN A"),
        *(";ANSWER", *answer, ";AUTHORITY", authority),
    )
    return dns.message.from_text("\n".join(lines), one_rr_per_rrset=True)


def test_case_order_of_records_and_remaining_ttl_make_no_difference() -> None:
    one = response("www.example. 300 IN A 192.0.2.1", "www.example. 300 IN A 192.0.2.2")
    other = response("WWW.example. 7 IN A 192.0.2.2", "WWW.example. 7 IN A 192.0.2.1")
    assert words(one, {}) == words(other, {})


SOA = "example. 60 IN SOA ns. h. 1 2 3 4 5"


@pytest.mark.parametrize(
    "other",
    [
        response("www.example. 300 IN A 192.0.2.3"),
        response("www.example. 300 IN A 192.0.2.1", flags="QR AA RD RA"),
        response("www.example. 300 IN A 192.0.2.1", flags="QR RD RA AD"),
        response("www.example. 300 IN A 192.0.2.1", flags="QR RD"),
        response("www.example. 300 IN A 192.0.2.1", flags="QR RA"),
        response("www.example. 301 IN A 192.0.2.1"),
        response(authority=SOA),
        response(),
        response(authority=SOA, rcode="NXDOMAIN"),
    ],
)
def test_everything_else_does(other: dns.message.Message) -> None:
    ttls = {(dns.name.from_text("www.example."), int(dns.rdatatype.A)): 300}
    right = words(response("www.example. 300 IN A 192.0.2.1"), ttls)
    assert ("NOERROR", "www.example. A 192.0.2.1") == right
    assert right != words(other, ttls)


def test_a_denial_differs_by_whose_soa_it_has() -> None:
    assert words(response(authority=SOA), {}) != words(response(authority=SOA.replace("example.", ".", 1)), {})


def test_aliases_have_to_follow_one_another() -> None:
    assert words(response(*ALIASES), {}) != words(response(*reversed(ALIASES)), {})


def test_who_equals_nobody_stands_alone() -> None:
    question = Question("www.example.", "A", "example.")
    row = {"ours": ("NOERROR",), "unbound": ("SERVFAIL",), "kresd": ("no answer",)}
    assert [Difference(question, row)] == differences([question], [row])
    assert (True, False) == (
        stands_alone(Difference(question, row), "ours"),
        stands_alone(Difference(question, row), "kresd"),
    )
    assert [] == differences([question], [dict.fromkeys(row, ("NOERROR",))])
