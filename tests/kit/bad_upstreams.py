"""Forwarders that are unfit for a resolver that validates, one way each, as (query) → response over the toy tree."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
from kit.authority import NSEC, RRSIG
from kit.datagrams import answering
from kit.lies import recursive
from kit.signed import DNSKEY, NSEC3
from kit.toytree import Tree

Response = dns.message.Message
Answer = Callable[[Tree, dns.message.QueryMessage], Response]


def honest(tree: Tree, query: dns.message.QueryMessage) -> Response:
    response = recursive(tree, query)
    response.use_edns(0, dns.flags.DO, 1232)
    return response


def _code(query: dns.message.QueryMessage, code: dns.rcode.Rcode) -> Response:
    response = dns.message.make_response(query, recursion_available=True)
    response.set_rcode(code)
    return response


def _without(response: Response, *kinds: int) -> Response:
    for section in (response.answer, response.authority):
        section[:] = [rrset for rrset in section if rrset.rdtype not in kinds]
    return response


def strips(tree: Tree, query: dns.message.QueryMessage) -> Response:
    return _without(honest(tree, query), RRSIG, NSEC, NSEC3)


def ignores_do(tree: Tree, query: dns.message.QueryMessage) -> Response:
    response = strips(tree, query)
    response.use_edns(0, 0, 1232)
    return response


def no_edns(tree: Tree, query: dns.message.QueryMessage) -> Response:
    response = strips(tree, query)
    response.use_edns(-1)
    return response


def refuses_edns(_tree: Tree, query: dns.message.QueryMessage) -> Response:
    response = _code(query, dns.rcode.FORMERR)
    response.use_edns(-1)
    return response


def strips_denials(tree: Tree, query: dns.message.QueryMessage) -> Response:
    response = honest(tree, query)
    return _without(response, NSEC, NSEC3) if response.rcode() == dns.rcode.NXDOMAIN else response


def rewrites(tree: Tree, query: dns.message.QueryMessage) -> Response:
    response = honest(tree, query)
    if response.rcode() == dns.rcode.NXDOMAIN:
        response.set_rcode(dns.rcode.NOERROR)
        response.authority.clear()
        response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", "192.0.2.99"))
    return response


def refuses_cd(tree: Tree, query: dns.message.QueryMessage) -> Response:
    return _code(query, dns.rcode.SERVFAIL) if query.flags & dns.flags.CD else honest(tree, query)


def no_keys(tree: Tree, query: dns.message.QueryMessage) -> Response:
    return _code(query, dns.rcode.SERVFAIL) if query.question[0].rdtype == DNSKEY else honest(tree, query)


def fails(_tree: Tree, query: dns.message.QueryMessage) -> Response:
    return _code(query, dns.rcode.SERVFAIL)


def refuses(_tree: Tree, query: dns.message.QueryMessage) -> Response:
    return _code(query, dns.rcode.REFUSED)


def forges(tree: Tree, query: dns.message.QueryMessage) -> Response:
    """Another SOA than the one that is signed."""
    response = honest(tree, query)
    if query.question[0].rdtype == dns.rdatatype.SOA:
        rrset = response.answer[0]
        response.answer[0] = dns.rrset.from_rdata(rrset.name, rrset.ttl, rrset[0].replace(serial=rrset[0].serial + 1))
    return response


def served(tree: Tree, answer: Answer) -> AbstractContextManager[int]:
    """The forwarder over UDP; its port."""

    def respond(data: bytes) -> bytes:
        query = dns.message.from_wire(data)
        assert isinstance(query, dns.message.QueryMessage)
        return answer(tree, query).to_wire(max_size=65_535)

    return answering(respond)
