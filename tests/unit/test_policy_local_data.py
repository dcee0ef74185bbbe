"""Local names: wildcards as dnspython's zone and RFC 4592 have them, aliases, split horizon, what overrides what."""

import asyncio
from dataclasses import replace

import dns.message
import dns.name
import dns.node
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.zone
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from kit.guarded import Scene
from kit.inside import Attack
from kit.loops import on_loop
from kit.questions import query_for
from kit.world import settings

from anchorhold.config.master import read_master
from resolver.policy import decide
from resolver.policy.local_data import MAX_CHAIN, RULE, LocalData, Names
from resolver.policy.special_names import TABLE
from resolver.policy.verdict import Say
from resolver.policy_settings import LocalZone, Policy, Rebinding
from resolver.settings import ResolverSettings, Route
from resolver.snapshot import Snapshot
from resolver.values import Origin
from wire.dns.names import ROOT, read_name, show_name

RFC4592 = """\
@ SOA ns me 1 2 3 4 60
@ NS ns.example.com.
@ NS ns.example.net.
*  TXT "this is a wildcard"
*  MX 10 host1
sub.* TXT "this is not a wildcard"
host1 A 192.0.2.1
_ssh._tcp.host1 SRV 0 0 22 host1
_ssh._tcp.host2 SRV 0 0 22 host1
subdel NS ns.example.com.
"""
"""RFC 4592 §2.2.1."""


def zone(origin: str, text: str, *groups: int, transparent: bool = False) -> LocalZone:
    apex = read_name(origin)
    return LocalZone(apex, tuple(line.record for line in read_master(text, apex, 300)), transparent, groups)


def house(*zones: LocalZone, routes: tuple[Route, ...] = ()) -> Snapshot:
    return Snapshot(with_zones(*zones, routes=routes))


def with_zones(*zones: LocalZone, routes: tuple[Route, ...] = ()) -> ResolverSettings:
    chosen = settings("a")
    policy = Policy(local=zones, rebinding=Rebinding())
    return replace(chosen, policy=policy, routes=(*chosen.routes, *routes))


def said(snapshot: Snapshot, name: str, rrtype: str = "A", group: int = 0) -> Say | None:
    return decide(query_for(name, rrtype, group=group), snapshot)


def told(snapshot: Snapshot, name: str, rrtype: str = "A", group: int = 0) -> tuple[str, list[str]] | None:
    """RCODE and answer as text; None: it is resolved elsewhere."""
    found = said(snapshot, name, rrtype, group)
    if found is None:
        return None
    message = dns.message.from_wire(found.reply(query_for(name, rrtype), 1).message)
    answer = sorted(
        f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)} {rdata}" for rrset in message.answer for rdata in rrset
    )
    return dns.rcode.to_text(message.rcode()), answer


@pytest.mark.parametrize(
    ("name", "rrtype", "expected"),
    [
        ("host3.example.", "MX", ("NOERROR", ["host3.example. MX 10 host1.example."])),
        ("host3.example.", "A", ("NOERROR", [])),
        ("foo.bar.example.", "TXT", ("NOERROR", ['foo.bar.example. TXT "this is a wildcard"'])),
        ("host1.example.", "MX", ("NOERROR", [])),
        ("sub.*.example.", "MX", ("NOERROR", [])),
        ("_telnet._tcp.host1.example.", "SRV", ("NXDOMAIN", [])),
        # A referral there; here NS records are records like any other, and the name exists.
        ("host.subdel.example.", "A", ("NXDOMAIN", [])),
        ("subdel.example.", "NS", ("NOERROR", ["subdel.example. NS ns.example.com."])),
        ("ghost.*.example.", "MX", ("NXDOMAIN", [])),
        ("*.example.", "MX", ("NOERROR", ["*.example. MX 10 host1.example."])),
        ("_tcp.host2.example.", "A", ("NOERROR", [])),
        ("host2.example.", "MX", ("NOERROR", [])),
    ],
)
def test_rfc_4592_section_2_2_1(name: str, rrtype: str, expected: tuple[str, list[str]]) -> None:
    assert expected == told(house(zone("example", RFC4592)), name, rrtype)


LABELS = st.sampled_from(["a", "b", "*", "c"])
NAMES = st.lists(LABELS, min_size=0, max_size=4).map(".".join)
DATA = st.sampled_from(["A 192.0.2.1", "A 192.0.2.2", "TXT x", "AAAA 2001:db8::1"])


def oracle(made: dns.zone.Zone, name: dns.name.Name, rrtype: str) -> tuple[str, list[str]]:
    """RFC 4592 §3.3.1 step by step over dnspython's zone, which knows which nodes there are and nothing more."""
    existing = {above for node in made.nodes for above in lineage(node, made.origin or dns.name.root)}
    owner = name
    if name not in existing:
        encloser = name
        while encloser not in existing:
            encloser = encloser.parent()
        owner = dns.name.Name(("*", *encloser.labels))
        if owner not in existing:
            return "NXDOMAIN", []
    found = made.get_rdataset(owner, rrtype)
    text = name.to_text()
    return "NOERROR", sorted(f"{text} {rrtype} {rdata}" for rdata in found or ())


def lineage(name: dns.name.Name, origin: dns.name.Name) -> set[dns.name.Name]:
    found = {name}
    while name != origin:
        name = name.parent()
        found.add(name)
    return found


@effort(max_examples=400, deadline=None)
@given(st.dictionaries(st.tuples(NAMES, DATA), st.just(None), max_size=12), st.lists(NAMES, min_size=1, max_size=8))
def test_every_zone_answers_as_rfc_4592_has_it_over_dnspythons_zone(
    records: dict[tuple[str, str], None], names: list[str]
) -> None:
    text = "@ SOA ns me 1 2 3 4 60\n@ NS ns\n" + "".join(f"{name or '@'} {data}\n" for name, data in records)
    made = dns.zone.from_text(f"$TTL 300\n{text}", "zone.example.", relativize=False)
    ours = house(zone("zone.example", text))
    for name in (*names, *(name for name, _ in records)):
        whole = f"{name}.zone.example." if name else "zone.example."
        for rrtype in ("A", "TXT", "AAAA", "NS"):
            assert oracle(made, dns.name.from_text(whole), rrtype) == told(ours, whole, rrtype), (text, whole)


ALIASES = """\
www CNAME web
web A 192.0.2.80
out CNAME www.example.org.
two CNAME out
gone CNAME nothing
lab CNAME nas.lab.example.
up CNAME www.home.example.
*.wild CNAME web
tree DNAME web
into DNAME apps.example.org.
round CNAME trip
trip CNAME round
"""


@pytest.mark.parametrize(
    ("name", "rcode", "answer", "onward"),
    [
        ("www", "NOERROR", ["web A 192.0.2.80", "www CNAME web"], ""),
        ("x.wild", "NOERROR", ["web A 192.0.2.80", "x.wild CNAME web"], ""),
        ("gone", "NXDOMAIN", ["gone CNAME nothing"], ""),
        ("out", "NOERROR", ["out CNAME www.example.org."], "www.example.org."),
        ("two", "NOERROR", ["out CNAME www.example.org.", "two CNAME out"], "www.example.org."),
        ("lab", "NOERROR", ["lab CNAME nas.lab.example.", "nas.lab.example. A 192.0.2.7"], ""),
        (
            "x.into",
            "NOERROR",
            ["into DNAME apps.example.org.", "x.into CNAME x.apps.example.org."],
            "x.apps.example.org.",
        ),
        ("a.tree", "NXDOMAIN", ["a.tree CNAME a.web", "tree DNAME web"], ""),
        ("round", "NOERROR", ["round CNAME trip", "trip CNAME round"], ""),
    ],
)
def test_aliases_are_followed_here_as_far_as_names_are_local(
    name: str, rcode: str, answer: list[str], onward: str
) -> None:
    ours = house(zone("home.example", ALIASES), zone("lab.example", "nas A 192.0.2.7"))
    found = said(ours, f"{name}.home.example.")
    assert found is not None
    whole = sorted(
        " ".join(
            w if w.endswith(".") or n == 1 or w[0].isdigit() else f"{w}.home.example."
            for n, w in enumerate(line.split())
        )
        for line in answer
    )
    assert (rcode, whole) == told(ours, f"{name}.home.example.")
    assert onward == (show_name(found.onward) if found.onward else "")
    assert (found.rule, found.final) == (RULE, not onward)


def test_a_question_for_the_alias_itself_gets_it() -> None:
    ours = house(zone("home.example", ALIASES))
    assert ("NOERROR", ["out.home.example. CNAME www.example.org."]) == told(ours, "out.home.example.", "CNAME")


def test_a_chain_of_aliases_has_an_end() -> None:
    text = "".join(f"c{n} CNAME c{n + 1}\n" for n in range(40))
    found = said(house(zone("home.example", text)), "c0.home.example.")
    assert found is not None
    assert MAX_CHAIN == len(found.answer)


def test_a_dname_too_long_to_follow_is_said_so() -> None:
    label = "x" * 60
    ours = house(zone("home.example", f"d DNAME {label}.{label}.{label}.example.org."))
    found = told(ours, f"{label}.{label}.d.home.example.")
    assert found is not None
    assert "YXDOMAIN" == found[0]


def test_a_negative_answer_says_for_how_long() -> None:
    ours = house(
        zone("home.example", "@ SOA ns me 1 2 3 4 77\nnas A 192.0.2.1"), zone("bare.example", "nas A 192.0.2.1")
    )
    for name, ttl in (("x.home.example.", 77), ("nas.home.example.", 77), ("x.bare.example.", 60)):
        found = said(ours, name, "TXT")
        assert found is not None
        (soa,) = found.authority
        assert (ttl, ttl) == (soa.ttl, found.keep)


def test_a_zone_has_an_soa_and_a_name_server_even_if_nobody_wrote_them() -> None:
    ours = house(zone("home.example", "nas A 192.0.2.1"))
    assert ("NOERROR", ["home.example. NS home.example."]) == told(ours, "home.example.", "NS")
    found = told(ours, "home.example.", "SOA")
    assert found is not None
    assert 1 == len(found[1])


def test_nothing_is_asked_outside_for_a_class_other_than_in() -> None:
    ours = house(zone("home.example", "nas A 192.0.2.1"))
    query = query_for("nas.home.example.")
    found = decide(query._replace(key=query.key[:-2] + b"\0\3"), ours)
    assert found is not None
    assert () == tuple(found.answer)


# What stands beside it


def test_a_transparent_zone_leaves_other_names_to_everybody() -> None:
    ours = house(zone("example.org", "nas A 192.0.2.1\n*.apps A 192.0.2.2", transparent=True))
    assert ("NOERROR", ["nas.example.org. A 192.0.2.1"]) == told(ours, "nas.example.org.")
    assert ("NOERROR", []) == told(ours, "nas.example.org.", "AAAA")
    assert ("NOERROR", ["x.y.apps.example.org. A 192.0.2.2"]) == told(ours, "x.y.apps.example.org.")
    for name in ("www.example.org.", "example.org.", "apps.example.org.", "x.nas.example.org.", "org."):
        assert told(ours, name) is None, name


def test_names_of_transparent_zones_are_found_in_a_zone_around_them() -> None:
    hosts = zone(
        ".",
        "nas.home.example. A 192.0.2.9\ntv.home.example. A 192.0.2.8\na.b.home.example. A 192.0.2.7",
        transparent=True,
    )
    ours = house(zone("home.example", "nas A 192.0.2.1\nnas TXT here\n* TXT any"), hosts)
    assert ("NOERROR", ["nas.home.example. A 192.0.2.1"]) == told(ours, "nas.home.example.")
    assert ("NOERROR", ["tv.home.example. A 192.0.2.8"]) == told(ours, "tv.home.example.")
    assert ("NOERROR", []) == told(ours, "b.home.example.", "TXT")
    assert ("NOERROR", ['z.home.example. TXT "any"']) == told(ours, "z.home.example.", "TXT")
    assert told(ours, "z.example.", "TXT") is None


def test_a_group_with_a_zone_of_its_own_sees_that_and_not_everybodys() -> None:
    everybody, kids = (
        zone("home.example", "nas A 192.0.2.1\ntv A 192.0.2.2"),
        zone("home.example", "nas A 192.0.2.9", 1),
    )
    ours = house(everybody, kids)
    assert ("NOERROR", ["nas.home.example. A 192.0.2.1"]) == told(ours, "nas.home.example.", group=0)
    assert ("NOERROR", ["nas.home.example. A 192.0.2.9"]) == told(ours, "nas.home.example.", group=1)
    assert ("NXDOMAIN", []) == told(ours, "tv.home.example.", group=1)


def test_a_transparent_zone_of_a_group_stands_before_everybodys() -> None:
    everybody = zone("home.example", "nas A 192.0.2.1\ntv A 192.0.2.2")
    ours = house(everybody, zone("home.example", "nas A 192.0.2.9", 1, transparent=True))
    assert ("NOERROR", ["nas.home.example. A 192.0.2.9"]) == told(ours, "nas.home.example.", group=1)
    assert ("NOERROR", ["tv.home.example. A 192.0.2.2"]) == told(ours, "tv.home.example.", group=1)


def test_a_zone_for_one_group_is_nothing_to_the_others() -> None:
    ours = house(zone("home.example", "nas A 192.0.2.1", 1))
    assert told(ours, "nas.home.example.", group=0) is None


def test_groups_that_see_the_same_share_what_is_built() -> None:
    made = LocalData((zone("home.example", "nas A 192.0.2.1"),), 100)
    assert 1 == len({id(names) for names in made._groups})


def test_a_route_inside_a_zone_has_what_is_not_written_there() -> None:
    inner = Route(read_name("vpn.home.example"), -1, 0)
    ours = house(zone("home.example", "nas A 192.0.2.1\nfix.vpn A 192.0.2.3"), routes=(inner,))
    assert told(ours, "x.vpn.home.example.") is None
    assert ("NOERROR", ["fix.vpn.home.example. A 192.0.2.3"]) == told(ours, "fix.vpn.home.example.")
    assert ("NXDOMAIN", []) == told(ours, "x.home.example.")


# Special names


OVERRIDABLE = sorted(show_name(name) for name, (_, routable, _) in TABLE.items() if routable)
FIXED = sorted(show_name(name) for name, (_, routable, _) in TABLE.items() if not routable)


@pytest.mark.parametrize("name", OVERRIDABLE)
def test_a_local_zone_overrides_a_special_name(name: str) -> None:
    ours = house(zone(name, "x TXT mine"))
    assert ("NOERROR", [f'x.{name} TXT "mine"']) == told(ours, f"x.{name}", "TXT")
    assert ("NXDOMAIN", []) == told(ours, f"y.{name}", "TXT")


@pytest.mark.parametrize("name", FIXED)
def test_what_means_the_same_everywhere_is_overridden_by_nobody(name: str) -> None:
    found = said(house(zone(name, "x TXT mine")), f"x.{name}", "TXT")
    assert found is not None
    assert "special-names" == found.rule


def test_one_reverse_name_leaves_the_others_of_its_network_as_they_are() -> None:
    ours = house(zone("arpa", "2.1.168.192.in-addr PTR nas.home.example.", transparent=True))
    found = told(ours, "2.1.168.192.in-addr.arpa.", "PTR")
    assert ("NOERROR", ["2.1.168.192.in-addr.arpa. PTR nas.home.example."]) == found
    other = said(ours, "3.1.168.192.in-addr.arpa.", "PTR")
    assert other is not None
    assert "special-names" == other.rule
    assert told(ours, "1.1.1.1.in-addr.arpa.", "PTR") is None


SPECIAL = [
    *(
        f"{below}{name}"
        for name in (*FIXED, "home.arpa.", "local.", "test.", "internal.", "service.arpa.")
        for below in ("", "x.", "a.b.")
    ),
    *(f"1.2.{name}" for name in OVERRIDABLE if name.endswith("in-addr.arpa.")),
]


@on_loop
async def test_special_names_send_no_packet_whatever_else_is_configured() -> None:
    hosts = zone(".", "nas A 192.168.1.2\nnas.home.arpa. A 192.168.1.2\ntv.local. A 192.168.1.3", transparent=True)
    pointers = zone("arpa", "2.1.168.192.in-addr PTR nas.home.arpa.", transparent=True)
    scene = Scene(with_zones(hosts, pointers, zone("lab.internal", "x A 192.168.1.9")))
    for name in SPECIAL:
        for rrtype in ("A", "AAAA", "PTR", "SVCB", "NS"):
            reply = await scene.ask(name, rrtype)
            assert Origin.LOCAL is reply.origin, name
    assert len(SPECIAL) >= 60
    assert [] == scene.upstreams[0].queries


@on_loop
async def test_an_alias_into_a_public_name_is_followed_outside_and_never_remembered_as_theirs() -> None:
    lines = ("www.example.org. 60 A 203.0.113.5",)
    chosen = with_zones(zone("home.example", "out CNAME www.example.org."))
    scene = Scene(chosen, Attack("www.example.org.", "A", lines))
    reply = await scene.ask("out.home.example.")
    message = dns.message.from_wire(reply.message)
    assert ["out.home.example. 300 IN CNAME www.example.org.", "www.example.org. 60 IN A 203.0.113.5"] == [
        rrset.to_text() for rrset in message.answer
    ]
    await scene.ask("out.home.example.")
    assert 1 == len(scene.upstreams[0].queries)
    assert [b"\3www\7example\3org\0"] == [key.question[:-4] for key in list(scene.resolver.memory.keys())]


@on_loop
async def test_a_reload_swaps_all_names_at_once() -> None:
    scene = Scene(with_zones(zone("home.example", "nas A 192.168.1.1\ntv A 192.168.1.3")))
    assert {"192.168.1.1"} == await scene.addresses("nas.home.example.")
    scene.resolver.use(replace(with_zones(zone("home.example", "nas A 192.168.1.2")), generation=2))
    assert {"192.168.1.2"} == await scene.addresses("nas.home.example.", generation=2)
    assert set() == await scene.addresses("tv.home.example.", generation=2)
    # Who asked before is answered by what was in force then.
    assert {"192.168.1.1"} == await scene.addresses("nas.home.example.", generation=1)
    await asyncio.sleep(0)


class Counting(dict):  # type: ignore[type-arg]
    probes = 0

    def get(self, key: object, default: object = None) -> object:
        Counting.probes += 1
        return super().get(key, default)


def test_a_name_costs_one_look_up_a_label_and_one_for_the_wildcard_however_many_names_there_are() -> None:
    text = "".join(f"n{n} A 10.{n >> 16}.{n >> 8 & 255}.{n & 255}\n" for n in range(2_000))
    names = Names([zone("home.example", text)])
    names._names = Counting(names._names)
    names.find(read_name("a.b.example.org"))
    assert 6 == Counting.probes
    names.find(read_name("n1999.home.example"))
    assert 7 == Counting.probes


def test_the_root_can_be_local_too() -> None:
    ours = house(zone(".", "nas A 192.0.2.1"))
    assert ("NXDOMAIN", []) == told(ours, "www.example.org.")
    assert said(ours, "example.org.") is not None
    assert ROOT == (said(ours, "example.org.") or said(ours, "org.")).zone  # type: ignore[union-attr]
