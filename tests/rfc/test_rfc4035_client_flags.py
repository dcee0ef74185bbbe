"""RFC 4035 §3.2, RFC 6840 §5.7 to §5.9, RFC 8914 and RFC 9824 §3.5: what AD, CD and DO in a question do to its answer, seen by
a client of the whole path: `front`'s desk, the resolver, a real forwarder."""

from collections.abc import Awaitable, Callable
from functools import cache

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest
from kit.bad_upstreams import Answer, honest, served
from kit.household import Household, household, run
from kit.lies import FORGED
from kit.toytree import Tree

Message = dns.message.Message
Talk = Callable[[Household], Awaitable[None]]

AD, CD, RA = dns.flags.AD, dns.flags.CD, dns.flags.RA
SECURE, INSECURE, BOGUS, DENIED = "www.shop.example", "www.plain.example", "real.wild.shop.example", "no.shop.example"
SIGNING = {dns.rdatatype.RRSIG, dns.rdatatype.NSEC, dns.rdatatype.NSEC3, dns.rdatatype.DNSKEY, dns.rdatatype.DS}


@cache
def tree() -> Tree:
    return Tree().build()


def forging(tree: Tree, query: dns.message.QueryMessage) -> Message:
    """Honest but for one name."""
    response = honest(tree, query)
    for rrset in response.answer:
        if rrset.name.to_text().lower() == f"{BOGUS}." and rrset.rdtype == dns.rdatatype.A:
            rrset.clear()
            rrset.add(dns.rdata.from_text("IN", "A", FORGED), 300)
    return response


def talk(conversation: Talk, answer: Answer = forging) -> None:
    async def whole() -> None:
        record = tree().signed["."].signer.ds().to_text()
        with served(tree(), answer) as port:
            text = (
                f'[dnssec]\ntrust_anchors = [". DS {record}"]\n[upstreams.default]\nprofile = "opportunistic"\n'
                f'servers = ["udp://127.0.0.1:{port}"]\n'
            )
            async with household(text) as home:
                await conversation(home)

    run(whole())


def kinds(message: Message) -> set[int]:
    return {int(rrset.rdtype) for section in (message.answer, message.authority) for rrset in section}


def addresses(message: Message) -> set[str]:
    return {data.to_text() for rrset in message.answer if rrset.rdtype == dns.rdatatype.A for data in rrset}


def errors(message: Message) -> list[int]:
    return [int(option.code) for option in message.options if isinstance(option, dns.edns.EDEOption)]


# AD


@pytest.mark.parametrize(
    ("flags", "do", "expected"),
    [("RD", False, False), ("RD AD", False, True), ("RD", True, True), ("RD AD", True, True)],
)
def test_ad_is_set_for_who_shows_that_he_understands_it(flags: str, do: bool, expected: bool) -> None:
    """RFC 6840 §5.7, §5.8: AD in a question, or DO, asks for AD in the answer."""

    async def conversation(home: Household) -> None:
        for _ in range(2):  # from the upstream, then from the cache
            found = await home.look(SECURE, flags=flags, do=do)
            assert (dns.rcode.NOERROR, expected) == (found.rcode(), bool(found.flags & AD))

    talk(conversation)


@pytest.mark.parametrize("name", [INSECURE, BOGUS])
def test_ad_is_set_for_nothing_that_is_not_proved(name: str) -> None:
    """RFC 4035 §3.2.3: AD only if all RRsets in the answer and authority sections are authentic."""

    async def conversation(home: Household) -> None:
        for flags in ("RD AD", "RD AD CD"):
            for do in (False, True):
                assert not (await home.look(name, flags=flags, do=do)).flags & AD

    talk(conversation)


def test_ad_is_set_for_a_proved_denial_and_for_an_alias_only_if_both_ends_are_proved() -> None:
    async def conversation(home: Household) -> None:
        denied = await home.look(DENIED)
        assert (dns.rcode.NXDOMAIN, True) == (denied.rcode(), bool(denied.flags & AD))
        assert (await home.look("away.shop.example")).flags & AD
        cheap = await home.look("cheap.shop.example")
        assert (dns.rcode.NOERROR, False) == (cheap.rcode(), bool(cheap.flags & AD))

    talk(conversation)


# CD


def test_cd_gives_what_cannot_be_proved_and_never_ad() -> None:
    """RFC 4035 §3.2.2: with CD the data are the client's to judge. RFC 6840 §5.9: ours are asked for with CD either way."""

    async def conversation(home: Household) -> None:
        given = await home.look(BOGUS, flags="RD CD AD")
        assert (dns.rcode.NOERROR, {FORGED}) == (given.rcode(), addresses(given))
        assert not given.flags & AD
        assert not (await home.look(SECURE, flags="RD CD AD")).flags & AD

    talk(conversation)


@pytest.mark.parametrize("first", ["RD CD", "RD"])
def test_what_was_given_with_cd_is_not_given_without(first: str) -> None:
    """RFC 4035 §4.7: unchecked data are kept apart, whoever asks first."""

    async def conversation(home: Household) -> None:
        await home.look(BOGUS, flags=first)
        for do in (True, False):
            kept_back, given = await home.look(BOGUS, do=do), await home.look(BOGUS, flags="RD CD", do=do)
            assert (dns.rcode.SERVFAIL, []) == (kept_back.rcode(), kept_back.answer)
            assert {FORGED} == addresses(given)

    talk(conversation)


def test_cd_is_copied_into_the_answer() -> None:
    """> The name server side MUST copy the setting of the CD bit from a query to the corresponding response (RFC 4035 §3.2.2)"""

    async def conversation(home: Household) -> None:
        for _ in range(2):
            for name in (SECURE, BOGUS, DENIED):
                assert (await home.look(name, flags="RD CD")).flags & CD
                assert not (await home.look(name, flags="RD")).flags & CD
        refused = await home.look(SECURE, "AXFR", flags="RD CD")
        assert (dns.rcode.REFUSED, True) == (refused.rcode(), bool(refused.flags & CD))

    talk(conversation)


def test_with_cd_and_do_the_client_gets_what_it_needs_to_judge_for_itself() -> None:
    async def conversation(home: Household) -> None:
        assert dns.rdatatype.RRSIG in kinds(await home.look(BOGUS, flags="RD CD"))
        keys = await home.look("shop.example", "DNSKEY", flags="RD CD")
        assert {dns.rdatatype.DNSKEY, dns.rdatatype.RRSIG} <= kinds(keys)
        denied = await home.look(DENIED, flags="RD CD")
        assert {dns.rdatatype.NSEC, dns.rdatatype.RRSIG, dns.rdatatype.SOA} <= kinds(denied)

    talk(conversation)


# DO


def test_without_do_nothing_comes_that_was_not_asked_for() -> None:
    """> MUST NOT include DNSSEC … RRs unless they were explicitly requested (RFC 4035 §3.2.1)"""

    async def conversation(home: Household) -> None:
        for flags in ("RD", "RD CD"):
            for name in (SECURE, "y.wild.shop.example", DENIED, INSECURE):
                found = await home.look(name, flags=flags, do=False)
                assert not kinds(found) & SIGNING, name
                assert not found.ednsflags & dns.flags.DO
            asked = await home.look("shop.example", "DNSKEY", flags=flags, do=False)
            assert {dns.rdatatype.DNSKEY} == kinds(asked)

    talk(conversation)


def test_with_do_the_signatures_and_proofs_come_along_and_do_is_shown() -> None:
    """RFC 4035 §3.2.1, RFC 3225 §3: DO is copied."""

    async def conversation(home: Household) -> None:
        found = await home.look(SECURE)
        assert {dns.rdatatype.A, dns.rdatatype.RRSIG} == kinds(found)
        assert found.ednsflags & dns.flags.DO
        wild = await home.look("y.wild.shop.example")
        assert {dns.rdatatype.A, dns.rdatatype.RRSIG, dns.rdatatype.NSEC} == kinds(wild)
        assert {dns.rdatatype.SOA, dns.rdatatype.RRSIG, dns.rdatatype.NSEC} == kinds(await home.look(DENIED))

    talk(conversation)


# What went wrong


def test_extended_errors_are_given_with_edns_only() -> None:
    """RFC 8914: an option of OPT, so to who sent one."""

    async def conversation(home: Household) -> None:
        told = await home.look(BOGUS)
        assert (dns.rcode.SERVFAIL, [6]) == (told.rcode(), errors(told))
        query = dns.message.make_query(BOGUS, "A", use_edns=False)
        untold = await home.ask(query)
        assert (dns.rcode.SERVFAIL, -1) == (untold.rcode(), untold.edns)

    talk(conversation)


def test_nxname_is_no_question() -> None:
    """> MUST return FORMERR … to a direct query for NXNAME, with EDE 30 (RFC 9824 §3.5)"""

    async def conversation(home: Household) -> None:
        found = await home.look(SECURE, "TYPE128")
        assert (dns.rcode.FORMERR, [30]) == (found.rcode(), errors(found))
        bare = await home.ask(dns.message.make_query(SECURE, "TYPE128", use_edns=False))
        assert (dns.rcode.FORMERR, -1) == (bare.rcode(), bare.edns)

    talk(conversation)


def test_ra_is_set_whatever_was_asked() -> None:
    async def conversation(home: Household) -> None:
        for flags in ("RD", "RD AD", "RD CD"):
            assert (await home.look(SECURE, flags=flags)).flags & RA

    talk(conversation)
