"""RFC 8482: ANY gets a small answer of our own."""

import dns.message
import dns.rcode
import dns.rdatatype
import pytest
from kit.desk import Counter53, FakeRoad


@pytest.mark.parametrize("stream", [False, True])
def test_4_2_any_is_answered_with_one_synthesised_hinfo_and_asked_of_nobody(stream: bool) -> None:
    front = Counter53()
    query = dns.message.make_query("WwW.example", "ANY")
    message = front.ask(query, road=FakeRoad(stream)).message
    (rrset,) = message.answer
    assert query.is_response(message)
    assert (dns.rcode.NOERROR, dns.rdatatype.HINFO) == (message.rcode(), rrset.rdtype)
    assert (b"RFC8482", b"") == (rrset[0].cpu, rrset[0].os)
    assert [] == front.port.queries
