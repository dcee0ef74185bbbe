"""What kind of difference there is between two resolvers' answers."""

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from anchorhold.comparing import Answers, Difference, describe, judge
from anchorhold.questioning import MAX_QUESTIONS, read_questions


def said(*records: str, rcode: int = 0, error: int = 0, flags: int = 0) -> dns.message.Message:
    """Records as `OWNER TTL TYPE DATA`."""
    message = dns.message.make_response(dns.message.make_query("www.example.", "A"), recursion_available=True)
    for record in records:
        owner, ttl, rrtype, data = record.split(" ", 3)
        found = dns.rrset.from_text(owner, int(ttl), "IN", rrtype, data)
        same = [rrset for rrset in message.answer if rrset.match(found.name, found.rdclass, found.rdtype, found.covers)]
        if same:
            same[0].update(found)
        else:
            message.answer.append(found)
    message.set_rcode(dns.rcode.Rcode.make(rcode))
    message.flags |= flags
    if error:
        message.use_edns(options=[dns.edns.EDEOption(error)])
    return message


ONE, TWO = "www.example. 60 A 192.0.2.1", "www.example. 60 A 192.0.2.2"
ALIAS = "www.example. 60 CNAME cdn.test."


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (said(ONE), said(ONE), Difference.SAME),
        (said(ONE), said("WWW.Example. 60 A 192.0.2.1"), Difference.SAME),
        (said(ONE), said("www.example. 7 A 192.0.2.1"), Difference.TTL),
        (said(ONE, TWO), said(TWO, ONE), Difference.ORDER),
        (said(ONE), said(ONE, flags=dns.flags.AD), Difference.FLAGS),
        (said(rcode=2), said(rcode=2, error=6), Difference.FLAGS),
        (said(ONE), said(TWO), Difference.DATA),
        (said(ONE), said(ONE, TWO), Difference.DATA),
        (said(ONE), said(), Difference.DATA),
        (said(), said(rcode=3), Difference.RCODE),
        (said(rcode=3), said(rcode=3), Difference.SAME),
        (said(ONE), None, Difference.ONE_SILENT),
        (None, said(ONE), Difference.ONE_SILENT),
        (None, None, Difference.SILENT),
        (said("www.example. 2 A 0.0.0.0"), said(rcode=3, error=15), Difference.BLOCKED),
        (said("www.example. 2 A 0.0.0.0"), said("www.example. 2 A 0.0.0.0", error=15), Difference.FLAGS),
        (said(ONE), said("www.example. 2 A 0.0.0.0", error=15), Difference.DATA),
        (said(rcode=3), said(rcode=3, error=17), Difference.FLAGS),
        (said(ALIAS, "cdn.test. 9 A 8.8.8.8"), said(ALIAS, "cdn.test. 9 A 9.9.9.9"), Difference.NEARBY),
        (said(ALIAS, "cdn.test. 9 A 8.8.8.8"), said(ALIAS, "cdn.test. 9 A 192.168.1.1"), Difference.DATA),
        (said(ALIAS, "cdn.test. 9 A 8.8.8.8"), said(ALIAS), Difference.DATA),
        (said("www.example. 9 A 8.8.8.8"), said("www.example. 9 A 9.9.9.9"), Difference.DATA),
    ],
)
def test_each_pair_has_its_class(
    old: dns.message.Message | None, new: dns.message.Message | None, expected: Difference
) -> None:
    assert expected is judge(Answers(old, new))


@pytest.mark.parametrize(
    ("again", "expected"),
    [
        (Answers(said(ONE), said(TWO)), Difference.DATA),
        (Answers(said(TWO), said(TWO)), Difference.VARIES),
        (Answers(said(TWO), said(ONE)), Difference.VARIES),
        (Answers(said(ONE), said("www.example. 60 A 192.0.2.3")), Difference.VARIES),
        (Answers(said(ONE), said(rcode=2)), Difference.DATA),
        (Answers(None, said(TWO)), Difference.DATA),
    ],
)
def test_what_is_not_the_same_twice_explains_itself(again: Answers, expected: Difference) -> None:
    assert expected is judge(Answers(said(ONE), said(TWO)), again)


def test_who_was_silent_once_and_then_agrees_is_explained() -> None:
    assert Difference.VARIES is judge(Answers(said(ONE), None), Answers(said(ONE), said(ONE)))
    assert Difference.ONE_SILENT is judge(Answers(said(ONE), None), Answers(said(ONE), None))


def test_a_code_that_stays_different_is_never_explained() -> None:
    assert Difference.RCODE is judge(Answers(said(), said(rcode=2)), Answers(said(), said(rcode=2)))


def test_answers_are_told_on_one_line() -> None:
    assert ["192.0.2.1, 192.0.2.2", "NXDOMAIN, EDE 15", "no records", "no answer"] == [
        describe(one) for one in (said(TWO, ONE), said(rcode=3, error=15), said(), None)
    ]


def test_names_are_read_with_and_without_types() -> None:
    text = "# what we use\n\nexample.net\nexample.net MX # mail\nbücher.example AAAA\nexample.net A\n"
    expected = ["example.net. A", "example.net. HTTPS", "example.net. MX", "xn--bcher-kva.example. AAAA"]
    assert expected == [question.text for question in read_questions(text, ("A", "HTTPS"))]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "nothing to ask"),
        ("a.test\nb.test A x\n", "line 2: 3 words"),
        ("a..test\n", "line 1: 'a..test'"),
        ("a.test NOTYPE\n", "line 1: 'a.test' is no domain name, or 'NOTYPE' no record type"),
        ("\n".join(f"n{number}.test" for number in range(MAX_QUESTIONS + 1)), "at most"),
    ],
)
def test_what_is_no_list_of_names_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_questions(text, ("A",))
