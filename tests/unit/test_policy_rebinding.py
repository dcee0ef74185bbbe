"""Answers from outside that lead inside: through the real resolver, over scripted upstreams."""

from dataclasses import replace

import dns.flags
import dns.message
import dns.rcode
import pytest
from kit.guarded import Scene
from kit.inside import EVERY, NORMAL, OUTSIDE, Attack, addresses_in, attacks
from kit.loops import on_loop
from kit.questions import query_for
from kit.world import settings

from resolver.policy.rebinding import TAKEN_OUT, inspect_rebinding
from resolver.policy_settings import Action, Domain, LocalRecord, LocalZone, Policy, Rebinding, Rule
from resolver.settings import Dns64, ResolverSettings, Route, UpstreamGroup, UpstreamSpec
from resolver.snapshot import Snapshot
from resolver.values import Origin, Query, Reply
from wire.dns.codes import QueryFlag
from wire.dns.message import ResourceRecord, build_response, parse_message
from wire.dns.names import ROOT, read_name

ALL = list(attacks())


def protected(*allow: str, local: tuple[LocalZone, ...] = (), **more: object) -> ResolverSettings:
    policy = Policy(local=local, rebinding=Rebinding(True, tuple(map(read_name, allow))))
    return replace(settings("a"), policy=policy, **more)  # type: ignore[arg-type]


@on_loop
async def test_no_address_of_the_inside_gets_through_in_any_encoding_record_or_place() -> None:
    scene = Scene(protected())
    asked = 0
    for attack in ALL:
        scene.known = {(attack.name, attack.rrtype): attack}
        scene.resolver.flush(ROOT)
        # Afresh, and from memory.
        for _ in range(2):
            reply = await scene.ask(attack.name, attack.rrtype)
            message = dns.message.from_wire(reply.message)
            assert (dns.rcode.NOERROR, TAKEN_OUT) == (message.rcode(), reply.explanation), attack
            assert not addresses_in(message) & NORMAL, attack
        asked += 1
    assert scene.resolver.counters["rebinding"] == 2 * asked
    assert (asked, len(EVERY)) > (200, 100)
    assert asked == len(set(ALL))


def test_there_are_two_hundred_encodings_and_more() -> None:
    assert len({(attack.rrtype, attack.answer) for attack in ALL}) >= 1_000
    assert len(NORMAL) >= 90


@on_loop
async def test_what_lies_beside_the_inside_gets_through() -> None:
    scene = Scene(protected())
    for number, address in enumerate(OUTSIDE):
        kind = "AAAA" if ":" in address else "A"
        name = f"o{number}.example."
        scene.known[name, kind] = Attack(name, kind, (f"{name} 60 {kind} {address}",))
        reply = await scene.ask(name, kind)
        assert reply.explanation is None, address
        assert 1 == len(addresses_in(dns.message.from_wire(reply.message))), address
    assert scene.resolver.counters["rebinding"] == 0


@on_loop
async def test_the_addresses_are_taken_out_and_the_others_stay() -> None:
    mixed = ("mix.example. 60 A 1.1.1.1", "mix.example. 60 A 192.168.1.1", "mix.example. 60 A 2.2.2.2")
    scene = Scene(protected(), Attack("mix.example.", "A", mixed))
    assert {"1.1.1.1", "2.2.2.2"} == await scene.addresses("mix.example.")


@on_loop
async def test_a_hint_goes_and_the_service_stays() -> None:
    line = "s.example. 60 HTTPS 1 . mandatory=alpn,ipv4hint alpn=h2 ipv4hint=10.0.0.1 port=8443 ipv6hint=2606:4700::1"
    scene = Scene(protected(), Attack("s.example.", "HTTPS", (line,)))
    message = dns.message.from_wire((await scene.ask("s.example.", "HTTPS")).message)
    (rdata,) = message.answer[0]
    assert '1 . mandatory="alpn" alpn="h2" port="8443" ipv6hint="2606:4700::1"' == rdata.to_text()


@on_loop
async def test_with_nothing_left_the_aliases_stay_and_nothing_proves_that_there_is_none() -> None:
    lines = ("x.example. 60 CNAME y.example.", "y.example. 60 A 10.0.0.1")
    reply = await Scene(protected(), Attack("x.example.", "A", lines)).ask("x.example.")
    message = dns.message.from_wire(reply.message)
    assert ["x.example. 60 IN CNAME y.example."] == [rrset.to_text() for rrset in message.answer]
    assert [] == message.authority
    assert "example" not in TAKEN_OUT.text


EVIL = ("evil.example. 60 CNAME nas.corp.example.", "nas.corp.example. 60 A 10.0.0.1")


@pytest.mark.parametrize(
    ("allow", "name", "lines", "expected"),
    [
        (("corp.example",), "nas.corp.example.", ("nas.corp.example. 60 A 10.0.0.1",), {"10.0.0.1"}),
        (("nas.corp.example",), "nas.corp.example.", ("nas.corp.example. 60 A 10.0.0.1",), {"10.0.0.1"}),
        (("orp.example",), "nas.corp.example.", ("nas.corp.example. 60 A 10.0.0.1",), set()),
        # Whoever may lead inside is no bridge for whoever may not.
        (("corp.example",), "evil.example.", EVIL, set()),
        (("evil.example",), "evil.example.", EVIL, set()),
        (("evil.example", "corp.example"), "evil.example.", EVIL, {"10.0.0.1"}),
    ],
)
def test_every_name_on_the_way_must_be_allowed(
    allow: tuple[str, ...], name: str, lines: tuple[str, ...], expected: set[str]
) -> None:
    @on_loop
    async def run() -> None:
        assert expected == await Scene(protected(*allow), Attack(name, "A", lines)).addresses(name)

    run()


def with_route(suffix: str, address: str, private: bool = False) -> ResolverSettings:
    servers = (UpstreamSpec("tls", "inner", (address,), 853, "inner"),)
    chosen = protected()
    return replace(
        chosen,
        upstream_groups=(*chosen.upstream_groups, UpstreamGroup("inner", servers)),
        routes=(*chosen.routes, Route(read_name(suffix) if suffix != "." else ROOT, 1, 1, -1, private)),
    )


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (with_route("corp.example", "10.9.9.9"), {"10.0.0.1"}),
        (with_route("corp.example", "fd00::9"), {"10.0.0.1"}),
        (with_route("corp.example", "9.9.9.9"), set()),
        (with_route("corp.example", "9.9.9.9", private=True), {"10.0.0.1"}),
        # A router that is asked for everything passes on what the outside says.
        (with_route(".", "192.168.1.1"), set()),
    ],
)
def test_names_of_a_route_to_private_servers_may_lead_inside_for_whom_it_is(
    chosen: ResolverSettings, expected: set[str]
) -> None:
    @on_loop
    async def run() -> None:
        scene = Scene(chosen, Attack("nas.corp.example.", "A", ("nas.corp.example. 60 A 10.0.0.1",)))
        assert expected == await scene.addresses("nas.corp.example.", group=1)
        assert set() == await scene.addresses("nas.corp.example.", group=0)

    run()


@pytest.mark.parametrize(("address", "expected"), [("10.9.9.9", {"10.0.0.1"}), ("9.9.9.9", set())])
def test_so_may_names_that_a_rule_sends_to_private_servers(address: str, expected: set[str]) -> None:
    @on_loop
    async def run() -> None:
        chosen = protected()
        servers = (UpstreamSpec("tls", "inner", (address,), 853, "inner"),)
        rule = Rule("office", Action.ROUTE, domains=(Domain(read_name("corp.example")),), upstream_group=1)
        chosen = replace(
            chosen,
            upstream_groups=(*chosen.upstream_groups, UpstreamGroup("inner", servers)),
            policy=replace(chosen.policy, rules=(rule,)),
        )
        scene = Scene(chosen, Attack("nas.corp.example.", "A", ("nas.corp.example. 60 A 10.0.0.1",)))
        assert expected == await scene.addresses("nas.corp.example.")

    run()


def local(*records: tuple[str, int, bytes]) -> LocalZone:
    made = tuple(LocalRecord(read_name(name), rrtype, 60, rdata) for name, rrtype, rdata in records)
    return LocalZone(read_name("home.arpa"), made)


@on_loop
async def test_local_names_have_their_addresses_and_lend_them_to_nobody() -> None:
    zone = local(("nas.home.arpa", 1, bytes((192, 168, 1, 2))))
    scene = Scene(protected(local=(zone,)), Attack("evil.example.", "A", ("evil.example. 60 CNAME nas.home.arpa.",)))
    assert {"192.168.1.2"} == await scene.addresses("nas.home.arpa.")
    assert set() == await scene.addresses("evil.example.")


@on_loop
async def test_a_local_alias_may_lead_inside_if_the_name_outside_may() -> None:
    zone = local(("cloud.home.arpa", 5, read_name("dyn.example")))
    lines = Attack("dyn.example.", "A", ("dyn.example. 60 A 192.168.1.7",))
    assert set() == await Scene(protected(local=(zone,)), lines).addresses("cloud.home.arpa.")
    assert {"192.168.1.7"} == await Scene(protected("dyn.example", local=(zone,)), lines).addresses("cloud.home.arpa.")


@on_loop
async def test_addresses_made_by_dns64_are_judged_by_what_is_in_them() -> None:
    for prefix, made in (("64:ff9b::/96", "64:ff9b::101:101"), ("fd00:64::/96", "fd00:64::101:101")):
        chosen = protected(dns64=Dns64((prefix,)))
        good, bad = ((f"{name}.example. 60 A {at}",) for name, at in (("good", "1.1.1.1"), ("bad", "10.0.0.1")))
        scene = Scene(chosen, Attack("good.example.", "A", good), Attack("bad.example.", "A", bad))
        assert {made} == await scene.addresses("good.example.", "AAAA")
        assert set() == await scene.addresses("bad.example.", "AAAA")


@on_loop
async def test_without_protection_everything_goes_through() -> None:
    chosen = replace(settings("a"), policy=Policy(rebinding=Rebinding(False)))
    scene = Scene(chosen, Attack("x.example.", "A", ("x.example. 60 A 10.0.0.1",)))
    assert {"10.0.0.1"} == await scene.addresses("x.example.")


def reply_of(query: Query, *records: ResourceRecord, flags: int = 0x81A0) -> Reply:
    built = build_response(query.key, flags, 0, records)
    return Reply(built.message, built.ttl_offsets, 60.0, 1, Origin.UPSTREAM)


def test_a_changed_rrset_loses_its_signature_and_the_word_that_it_is_proved() -> None:
    query = query_for("x.example.", flags=int(QueryFlag.DO))
    own, other = read_name("x.example"), read_name("y.example")
    sign = (1).to_bytes(2, "big") + bytes(30)
    alias = (5).to_bytes(2, "big") + bytes(30)
    reply = reply_of(
        query,
        ResourceRecord(own, 5, 1, 60, other),
        ResourceRecord(own, 46, 1, 60, alias),
        ResourceRecord(other, 1, 1, 60, bytes((1, 1, 1, 1))),
        ResourceRecord(other, 1, 1, 60, bytes((10, 1, 1, 1))),
        ResourceRecord(other, 46, 1, 60, sign),
    )
    found = inspect_rebinding(query, reply, Snapshot(protected()))
    assert found is not None
    message = parse_message(found.message)
    assert [(own, 5), (own, 46), (other, 1)] == [(one.owner, one.rrtype) for one in message.answer]
    assert not message.flags & int(dns.flags.AD)
    assert len(found.ttl_offsets) == len(message.answer)


@pytest.mark.parametrize(
    ("rrtype", "rdata"),
    [
        (1, b"\x0a\0\0"),
        (1, b"\x0a\0\0\1\0"),
        (28, b"\xfd"),
        (65, b"\0"),
        (65, b"\0\1\0\0\4\0\3\x0a\0\0"),
        (64, b"\0\1\0\0\6\0\x01\0"),
    ],
)
def test_what_cannot_be_read_is_no_answer(rrtype: int, rdata: bytes) -> None:
    query = query_for("x.example.", {1: "A", 28: "AAAA", 64: "SVCB", 65: "HTTPS"}[rrtype])
    reply = reply_of(query, ResourceRecord(query.name, rrtype, 1, 60, rdata))
    found = inspect_rebinding(query, reply, Snapshot(protected()))
    assert found is not None
    assert [] == parse_message(found.message).answer


def test_an_answer_without_addresses_is_not_even_read() -> None:
    query = query_for("x.example.", "TXT")
    reply = reply_of(query, ResourceRecord(query.name, 16, 1, 60, b"\4\x0a\0\0\1"))
    broken = reply._replace(message=reply.message[:12] + b"\xc0" + reply.message[13:])
    assert inspect_rebinding(query, broken, Snapshot(protected())) is None
