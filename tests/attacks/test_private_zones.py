"""Zones of one's own under validation: what the administrator routes to private servers resolves unsigned, below signed parents
too, and nothing else does, whatever anybody outside says."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset
from kit.bad_upstreams import Answer, honest, served
from kit.household import Household, household, run
from kit.lies import FORGED
from kit.toytree import Tree

from resolver.edge import tracing
from wire.dns.codes import ExtendedError

SHARED = [f"{number}.100.in-addr.arpa" for number in range(64, 128)]
"""The reverse zones of 100.64.0.0/10 (RFC 6598, RFC 7793)."""

ZONES = ["home.arpa", "10.in-addr.arpa", *SHARED, "corp.example"]
OURS = "10.9.8.7"
SERVFAIL, NOERROR, NXDOMAIN = dns.rcode.SERVFAIL, dns.rcode.NOERROR, dns.rcode.NXDOMAIN


@cache
def tree() -> Tree:
    return Tree().build()


def office(_tree: Tree, query: dns.message.QueryMessage) -> dns.message.Message:
    """A private server, which signs nothing: it has everything that is asked of it, but for names that begin with `no`."""
    response = dns.message.make_response(query, recursion_available=True)
    asked = query.question[0]
    lines = {"A": OURS, "PTR": "printer.corp.example.", "TXT": '"ours"'}
    kind = dns.rdatatype.to_text(asked.rdtype)
    if asked.name.labels[0].lower().startswith(b"no"):
        response.set_rcode(NXDOMAIN)
    if asked.name.labels[0].lower() == b"away":
        response.answer.append(dns.rrset.from_text(asked.name, 300, "IN", "CNAME", "www.shop.example."))
        response.answer.append(dns.rrset.from_text("www.shop.example.", 300, "IN", "A", FORGED))
    elif kind in lines and response.rcode() == NOERROR:
        response.answer.append(dns.rrset.from_text(asked.name, 300, "IN", kind, lines[kind]))
    else:
        soa = "ns.corp.example. hostmaster.corp.example. 1 7200 900 1209600 60"
        response.authority.append(dns.rrset.from_text(asked.name.parent(), 60, "IN", "SOA", soa))
    return response


def config(default: int, inside: int, *, domains: list[str], more: str = "") -> str:
    names = ", ".join(f'"{domain}"' for domain in domains)
    route = f'[[route]]\ndomains = [{names}]\nupstreams = "office"\n{more}' if domains else ""
    return (
        f'[dnssec]\ntrust_anchors = [". DS {tree().signed["."].signer.ds().to_text()}"]\n'
        f'[upstreams.default]\nprofile = "opportunistic"\nservers = ["udp://127.0.0.1:{default}"]\n'
        f'[upstreams.office]\nprofile = "opportunistic"\nservers = ["udp://127.0.0.1:{inside}"]\n{route}'
    )


@contextmanager
def servers(default: Answer = honest, inside: Answer = office) -> Iterator[tuple[int, int]]:
    with served(tree(), default) as one, served(tree(), inside) as other:
        yield one, other


def talk(text: str, conversation: Callable[[Household], object]) -> None:
    async def whole() -> None:
        async with household(text) as home:
            await conversation(home)  # type: ignore[misc]

    run(whole())


def test_private_zones_resolve_unsigned_where_they_are_routed_and_the_rest_is_validated() -> None:
    async def conversation(home: Household) -> None:
        for zone in ("home.arpa", "10.in-addr.arpa", SHARED[0], SHARED[-1], "corp.example"):
            kind = "PTR" if zone.endswith("in-addr.arpa") else "A"
            found = await home.look(f"4.3.{zone}", kind)
            assert (NOERROR, 1, False) == (found.rcode(), len(found.answer), bool(found.flags & dns.flags.AD)), zone
            assert NXDOMAIN == (await home.look(f"no.{zone}", kind)).rcode(), zone
        public = await home.look("www.shop.example")
        assert (NOERROR, True) == (public.rcode(), bool(public.flags & dns.flags.AD))

    with servers() as ports:
        talk(config(*ports, domains=ZONES), conversation)


def test_the_exception_is_told_with_its_reason() -> None:
    async def conversation(home: Household) -> None:
        query = home_query("www.corp.example", home)
        line = await tracing.trace(home.resolver, query)
        (part,) = line["parts"]  # type: ignore[misc]
        first, *_ = part["steps"]
        assert ("exception", "corp.example.", "route", None) == tuple(
            first[key] for key in ("step", "zone", "by", "until")
        )
        assert "its names go to servers of this network" == first["why"]

    with servers() as ports:
        talk(config(*ports, domains=ZONES), conversation)


def home_query(name: str, home: Household) -> object:
    from kit.questions import query_for

    return query_for(name, generation=home.resolver.snapshot.generation)


def corp_too(tree: Tree, query: dns.message.QueryMessage) -> dns.message.Message:
    """A forwarder outside that has made up a zone below a signed one."""
    corp = dns.name.from_text("corp.example.")
    response = office(tree, query) if query.question[0].name.is_subdomain(corp) else honest(tree, query)
    response.use_edns(0, dns.flags.DO, 1232)
    return response


def test_nobody_outside_can_make_an_exception() -> None:
    async def conversation(home: Household) -> None:
        for _ in range(2):
            found = await home.look("www.corp.example")
            assert (SERVFAIL, []) == (found.rcode(), found.answer)
            assert {ExtendedError.RRSIGS_MISSING, ExtendedError.NSEC_MISSING} & {
                int(option.code) for option in found.options if hasattr(option, "code")
            }
        public = await home.look("www.shop.example")
        assert (NOERROR, True) == (public.rcode(), bool(public.flags & dns.flags.AD))

    with servers(default=corp_too) as ports:
        # Routed nowhere, and routed to a server whose word the administrator wants proved.
        talk(config(*ports, domains=[]), conversation)
        talk(config(*ports, domains=["corp.example"], more='validate = "always"\n'), conversation)


def test_what_is_private_on_its_route_is_not_believed_on_another() -> None:
    async def conversation(home: Household) -> None:
        assert SERVFAIL == (await home.look("www.corp.example")).rcode()
        assert NOERROR == (await home.look("www.home.arpa")).rcode()

    with servers(default=corp_too) as ports:
        talk(config(*ports, domains=["home.arpa"]), conversation)


def test_a_private_server_does_not_speak_of_others_names() -> None:
    async def conversation(home: Household) -> None:
        found = await home.look("away.corp.example")
        addresses = {rdata.to_text() for rrset in found.answer if rrset.rdtype == dns.rdatatype.A for rdata in rrset}
        assert {"192.0.2.80", "192.0.2.81"} == addresses
        assert not found.flags & dns.flags.AD

    with servers() as ports:
        talk(config(*ports, domains=ZONES), conversation)
