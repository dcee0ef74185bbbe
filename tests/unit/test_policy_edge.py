"""Rules, lists, schedules and pauses in a running resolver: each client group gets its own verdict, whatever is shared."""

import asyncio
import itertools
from dataclasses import replace
from ipaddress import ip_address
from unittest.mock import patch

import dns.message
import dns.rcode
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from kit.desk import START, Counter53, FakeRoad
from kit.loops import on_loop
from kit.questions import query_for, wire_of
from kit.rules import Saying, blocked, domains, image_of, ruled, schedule, uses
from kit.world import install, respond, settings, world_of

from net.clock import now
from privacy.lists.entry import Entry, Record, Trigger
from privacy.lists.matcher import ListImage
from privacy.memory import Fact
from resolver.cache.rrsets import RRsetMemory
from resolver.edge import account
from resolver.edge.considering import WITHHELD, considered
from resolver.edge.judging import servers_at
from resolver.edge.resolve import Resolver
from resolver.iterate.port import Endpoint
from resolver.iterate.verdict import NameServer, Referral
from resolver.policy.book import Book, Ledger
from resolver.policy.inspection import Servers, inspect
from resolver.policy.verdict import Say
from resolver.policy_settings import Action, Rebinding, Refusal, Refusing, Rule
from resolver.settings import CacheSettings, Dns64, ResolverSettings, UpstreamGroup
from resolver.snapshot import Snapshot
from resolver.values import Origin, Query, Reply
from wire.dns.codes import ExtendedError, HeaderFlag, QueryFlag, RecordType
from wire.dns.message import build_query, parse_message
from wire.dns.names import read_name, show_name
from wire.units import Epoch, Instant

NOON = 1_780_315_200.0
"""2026-06-01T12:00Z, a Monday."""

RD = int(QueryFlag.RD)


def outside(query: bytes) -> bytes:
    """`aN.example` leads to `cN.example`; the address of a name says which it is."""
    message = parse_message(query)
    name = show_name(message.question[:-4].lower())
    first = name.split(".")[0]
    rrtype = int.from_bytes(message.question[-4:-2], "big")
    if rrtype == 15:
        return wire_of(name, "MX", f"{name} 300 MX 10 mail.{name}")
    kind = "A" if rrtype == 1 else "AAAA"

    def address(label: str) -> str:
        number = sum(label.encode()) % 250
        return f"203.0.113.{number}" if rrtype == 1 else f"2001:db8:5::{number:x}"

    if first.startswith("a") and first[1:].isdigit():
        target = f"c{first[1:]}.example."
        return wire_of(name, kind, f"{name} 300 CNAME {target}", f"{target} 300 {kind} {address(target.split('.')[0])}")
    return wire_of(name, kind, f"{name} 300 {kind} {address(first)}")


class Scene:
    """A resolver with a clock that can be set; `forgot` counts how often `front` was told to forget."""

    def __init__(self, chosen: ResolverSettings, image: ListImage | None = None, behave: object = outside) -> None:
        self.date = NOON
        self.world, self.upstreams = world_of(behave)  # type: ignore[arg-type]
        self.world.tools = replace(self.world.tools, date=lambda: Epoch(self.date))
        self.facts: list[Fact] = []
        self.resolver = Resolver(chosen, self.world, self.facts.append)
        install(self.world, self.upstreams)
        self.forgot = 0
        self.resolver.use_image(image)
        self.resolver.changed = self._forget

    def _forget(self) -> None:
        self.forgot += 1

    async def ask(self, name: str, rrtype: str = "A", group: int = 0, flags: int = RD) -> Reply:
        return await self.get(query_for(name, rrtype)._replace(group=group, flags=flags))

    async def get(self, query: Query) -> Reply:
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.resolver.ask(query, object(), future.set_result)
        return await future


def shown(reply: Reply) -> list[str]:
    message = dns.message.from_wire(reply.message)
    return [dns.rcode.to_text(message.rcode()), *(item.to_text() for rrset in message.answer for item in rrset)]


def block(name: str, *names: str, **more: object) -> Rule:
    return Rule(name, Action.BLOCK, domains=domains(*names), **more)  # type: ignore[arg-type]


NULL = ["NOERROR", "0.0.0.0"]  # an answer, no place to listen at


@on_loop
async def test_one_flight_two_groups_two_answers() -> None:
    """One question leaves; each who waits has the verdict of its own group, now and from memory."""
    go = asyncio.Event()

    def held(query: bytes) -> object:
        return go

    scene = Scene(ruled(lists=uses("ads", groups=(1,))), image_of(ads=[_network(1, "192.0.2.0", 24)]), held)
    both = asyncio.gather(scene.ask("www.shop.example."), scene.ask("www.shop.example.", group=1))
    await asyncio.sleep(0)
    go.set()
    first, second = await both
    assert (shown(first), shown(second)) == (["NOERROR", "192.0.2.1"], NULL)
    assert len(scene.upstreams[0].queries) == 1
    again = await scene.ask("www.shop.example.", group=1), await scene.ask("www.shop.example.")
    assert [shown(reply) for reply in again] == [NULL, ["NOERROR", "192.0.2.1"]]
    assert again[1].origin is Origin.CACHE
    assert len(scene.upstreams[0].queries) == 1


def _network(line: int, address: str, length: int, trigger: Trigger = Trigger.ADDRESS) -> Entry:
    packed = bytes(map(int, address.split(".")))
    return Entry(trigger, Saying.BLOCK, line, network=(packed, length))


@on_loop
async def test_what_an_alias_leads_to_is_looked_at_too() -> None:
    rules = (block("tracker", "c1.example"), Rule("fine", Action.ALLOW, domains=domains("a3.example")))
    image = image_of(ads=[blocked(9, "c2.example"), blocked(10, "c3.example"), blocked(11, "c4.example")])
    scene = Scene(ruled(*rules, lists=uses("ads"), protected=(read_name("a4.example"),)), image)
    by_rule, by_list = await scene.ask("a1.example."), await scene.ask("a2.example.")
    assert (shown(by_rule), shown(by_list)) == (NULL, NULL)
    assert by_rule.explanation is not None
    assert by_rule.explanation.text == "rule tracker"
    assert by_list.explanation is not None
    assert by_list.explanation.text == "list ads line 9"
    assert shown(await scene.ask("a3.example."))[1:] == ["c3.example.", "203.0.113.150"]
    assert shown(await scene.ask("a4.example."))[1] == "c4.example.", (
        "protected is what was asked for, and all it leads to"
    )
    for reply in (by_rule, by_list):
        assert not parse_message(reply.message).flags & HeaderFlag.AD


@on_loop
async def test_cd_makes_no_difference() -> None:
    scene = Scene(ruled(block("no", "bad.example"), block("tracker", "c1.example")))
    for name in ("www.bad.example.", "a1.example."):
        assert shown(await scene.ask(name, flags=RD | int(QueryFlag.CD))) == NULL


@on_loop
async def test_a_failure_stays_one() -> None:
    """What could not be proved or had is made into nothing else, by no list."""
    forged = Scene(ruled(lists=uses("ads")), image_of(ads=[_network(1, "0.0.0.0", 0)]), lambda query: respond(query))
    chosen = forged.resolver.snapshot.settings
    trusting = replace(chosen, dnssec=replace(chosen.dnssec, negative=()))
    forged.resolver.use(replace(trusting, generation=2))
    reply = await forged.get(query_for("www.example.")._replace(generation=2))
    assert shown(reply) == ["SERVFAIL"]
    assert reply.origin is Origin.FAILURE


@on_loop
async def test_a_rewritten_name_is_asked_for_under_the_other_and_kept_by_nobody_else() -> None:
    rule = Rule(
        "safe", Action.REWRITE, groups=(1,), domains=domains("=www.search.example"), target=read_name("safe.example")
    )
    scene = Scene(ruled(rule, lists=uses("ads")), image_of(ads=[blocked(1, "other.example")]))
    kids = await scene.ask("www.search.example.", group=1)
    assert shown(kids)[:2] == ["NOERROR", "safe.example."]
    assert kids.explanation is not None
    assert kids.explanation.code == ExtendedError.FORGED_ANSWER
    assert len(shown(await scene.ask("www.search.example."))) == 2, "others get the name itself"
    asked = [show_name(parse_message(query).question[:-4].lower()) for query in scene.upstreams[0].queries]
    assert asked == ["safe.example.", "www.search.example."]
    again = await scene.ask("www.search.example.", group=1)
    assert shown(again) == shown(kids)
    assert len(scene.upstreams[0].queries) == 2


def _leads(name: str, target: str) -> Rule:
    return Rule(name, Action.REWRITE, domains=domains(name), target=read_name(target))


@on_loop
async def test_where_a_rule_leads_is_judged_by_rules_and_lists_too() -> None:
    rules = (
        _leads("one.example", "two.example"),
        _leads("two.example", "three.example"),
        _leads("ad.example", "x.example"),
    )
    allow = Rule("fine", Action.ALLOW, domains=domains("y.example"))
    image = image_of(ads=[blocked(4, "x.example"), blocked(5, "y.example")])
    scene = Scene(ruled(*rules, _leads("ok.example", "y.example"), allow, lists=uses("ads")), image)
    assert shown(await scene.ask("one.example."))[1:3] == ["two.example.", "three.example."]
    stopped = await scene.ask("ad.example.")
    assert shown(stopped) == NULL
    assert stopped.explanation is not None
    assert stopped.explanation.text == "list ads line 4"
    assert shown(await scene.ask("ok.example."))[1] == "y.example."


@on_loop
async def test_rules_that_lead_to_one_another_come_to_an_end() -> None:
    scene = Scene(ruled(_leads("one.example", "two.example"), _leads("two.example", "one.example")))
    assert shown(await scene.ask("one.example.")) == ["SERVFAIL"]
    assert scene.upstreams[0].queries == []


@on_loop
async def test_a_name_that_somebody_elses_alias_leads_to_is_rewritten_as_if_it_were_asked_for() -> None:
    address = Rule("own", Action.REWRITE, domains=domains("c1.example"), addresses=(bytes((192, 0, 2, 9)),))
    # c2 is in its own tree, and is what a2 leads to: it is not led in a ring.
    scene = Scene(
        ruled(address, Rule("safe", Action.REWRITE, domains=domains("c2.example"), target=read_name("c3.example")))
    )
    assert shown(await scene.ask("a1.example.")) == ["NOERROR", "192.0.2.9"]
    assert shown(await scene.ask("a2.example."))[:2] == ["NOERROR", "c3.example."]
    plain = await scene.ask("a4.example.")
    assert shown(plain)[1] == "c4.example."


@on_loop
async def test_what_a_list_wants_by_streams_only_is_marked_and_what_it_drops_is_too() -> None:
    image = image_of(
        rpz=[blocked(1, "tcp.example", saying=Saying.TRUNCATE), blocked(2, "gone.example", saying=Saying.DROP)]
    )
    scene = Scene(ruled(lists=uses("rpz")), image)
    stream, gone, other = [await scene.ask(name) for name in ("tcp.example.", "gone.example.", "other.example.")]
    assert (stream.origin, stream.cacheable) == (Origin.STREAM_ONLY, 0.0)
    assert shown(stream)[0] == "NOERROR"
    assert (gone.origin, gone.cacheable, shown(gone)) == (Origin.DROPPED, 0.0, ["REFUSED"])
    assert other.origin is Origin.UPSTREAM
    again = await scene.ask("tcp.example.")
    assert again.origin is Origin.STREAM_ONLY
    assert len(scene.upstreams[0].queries) == 2, "from memory, and marked again"


@on_loop
async def test_what_was_watched_is_gone_in_time_even_if_nobody_asks() -> None:
    """No question comes and no operator: no name stays in memory all the same."""
    scene = Scene(ruled(block("no", "secret.example")))
    watch = scene.resolver.judging.watch
    scene.resolver.watch(900)
    await scene.ask("secret.example.")
    begun = now()
    assert watch.lines(begun)
    with patch("resolver.edge.resolve.clock", lambda: begun + 901):
        scene.resolver.keep_time()
    assert not watch.lines(begun), "it would show them again to a clock that went back"


@on_loop
async def test_an_address_in_a_hint_is_one() -> None:
    """Clients connect to what the hints of a service say before they have asked for its address."""
    lines = iter(
        ("1 . alpn=h2 ipv4hint=203.0.113.1,192.0.2.9", "1 . ipv6hint=2001:db8:5::1", "1 . ipv4hint=203.0.113.1")
    )

    def services(query: bytes) -> bytes:
        name = show_name(parse_message(query).question[:-4].lower())
        return wire_of(name, "HTTPS", f"{name} 60 HTTPS {next(lines)}")

    six = Entry(Trigger.ADDRESS, Saying.BLOCK, 2, network=(ip_address("2001:db8:5::").packed, 48))
    image = image_of(rpz=[_network(1, "192.0.2.0", 24), six])
    scene = Scene(ruled(lists=uses("rpz")), image, services)
    answers = [await scene.ask(f"h{n}.example.", "HTTPS") for n in range(3)]
    texts = [None if one.explanation is None else one.explanation.text for one in answers]
    assert texts == ["list rpz line 1", "list rpz line 2", None]
    assert [len(shown(one)) for one in answers] == [1, 1, 2]


@on_loop
async def test_a_former_generation_does_not_hold_on_to_an_image() -> None:
    """A question of before the reload is still understood, by the lists that count now."""
    scene = Scene(ruled(lists=uses("ads")), image_of(ads=[blocked(1, "ads.example")]))
    scene.resolver.use(replace(ruled(lists=uses("ads")), generation=2))
    scene.resolver.use_image(image_of(ads=[blocked(1, "more.example")]))
    assert shown(await scene.ask("more.example.")) == NULL
    assert shown(await scene.ask("ads.example.")) != NULL


@on_loop
async def test_a_lists_exception_takes_nothing_away_from_the_users_rules() -> None:
    """Neither a line that allows nor one for everything, in a list that somebody broke into."""
    for name in ("a1.example", "."):
        image = image_of(ads=[blocked(1, "c2.example")], evil=[blocked(1, name, saying=Saying.ALLOW, important=True)])
        scene = Scene(ruled(block("mine", "c1.example"), lists=uses("ads", "evil")), image)
        assert shown(await scene.ask("a1.example.")) == NULL, name


@on_loop
async def test_a_lists_alias_is_followed_wherever_it_was_found() -> None:
    record = Record(int(RecordType.CNAME), read_name("garden.example"))
    image = image_of(rpz=[replace(blocked(1, "c1.example", saying=Saying.RECORDS), records=(record,))])
    scene = Scene(ruled(lists=uses("rpz", redirect=True)), image)
    for name in ("c1.example.", "a1.example."):
        assert shown(await scene.ask(name))[:2] == ["NOERROR", "garden.example."], name
    scene = Scene(ruled(lists=uses("rpz", source="https://rpz.example/zone")), image)
    for name in ("c1.example.", "a1.example."):
        assert shown(await scene.ask(name)) == NULL, name
        (line,) = [
            line for line in considered(query_for("c1.example."), scene.resolver.snapshot) if line["kind"] == "list"
        ]
        assert (line["result"], line["source"]) == (WITHHELD, "https://rpz.example/zone")


@on_loop
async def test_a_schedule_begins_and_ends_and_nothing_outlives_its_edge() -> None:
    evening = schedule("evening", (13 * 60, 14 * 60))
    scene = Scene(ruled(block("evening", "games.example", groups=(1,), schedule=0), schedules=(evening,)))
    scene.date = NOON + 3_500
    before = await scene.ask("games.example.", group=1)
    assert shown(before)[0:2] != NULL
    assert before.cacheable <= 100
    assert all(record.ttl <= 100 for record in parse_message(before.message).answer)
    others = await scene.ask("games.example.")
    assert others.cacheable > 100, "who has no schedule is not bound by it"
    scene.date = NOON + 3_600
    assert shown(await scene.ask("games.example.", group=1)) == NULL
    assert scene.forgot == 1
    scene.date = NOON + 7_195
    ending = await scene.ask("games.example.", group=1)
    assert ending.cacheable <= 5
    scene.date = NOON + 7_200
    assert scene.resolver.keep_time() <= 30
    assert scene.forgot == 2
    assert shown(await scene.ask("games.example.", group=1)) == shown(others)
    scene.date = NOON + 4_000
    assert shown(await scene.ask("games.example.", group=1)) == NULL, "somebody set the clock back"


@on_loop
async def test_a_flight_that_crosses_an_edge_is_kept_by_nobody() -> None:
    go = asyncio.Event()
    evening = schedule("evening", (13 * 60, 14 * 60))
    scene = Scene(ruled(block("evening", "games.example", schedule=0), schedules=(evening,)), None, lambda query: go)
    scene.date = NOON + 3_599
    asked = asyncio.ensure_future(scene.ask("games.example."))
    await asyncio.sleep(0)
    scene.date = NOON + 3_600
    scene.resolver.keep_time()
    go.set()
    assert (await asked).cacheable == 0
    assert shown(await scene.ask("games.example.")) == NULL


@on_loop
async def test_a_pause_is_one_groups_and_ends_by_itself() -> None:
    scene = Scene(ruled(block("no", "bad.example"), lists=uses("ads")), image_of(ads=[blocked(1, "ads.example")]))
    scene.resolver.pause(("kids",), 600)
    assert account.paused(scene.resolver) == {"paused": [{"group": "kids", "left": 600}]}
    for name in ("bad.example.", "ads.example."):
        assert shown(await scene.ask(name)) == NULL
        let = await scene.ask(name, group=1)
        assert shown(let) != NULL
        assert let.cacheable <= 600
    scene.date += 601
    assert shown(await scene.ask("bad.example.", group=1)) == NULL
    assert account.paused(scene.resolver) == {"paused": []}
    assert scene.forgot == 2


@on_loop
async def test_a_pause_goes_on_over_a_reload() -> None:
    chosen = ruled(block("no", "bad.example"))
    scene = Scene(chosen)
    scene.resolver.pause(("kids",), 600)
    scene.resolver.use(replace(chosen, generation=2, client_groups=("default", "guests", "kids")))
    query = query_for("bad.example.")._replace(generation=2)
    assert shown(await scene.get(query._replace(group=2))) != NULL
    assert shown(await scene.get(query._replace(group=1))) == NULL


@on_loop
async def test_another_image_counts_from_the_next_question_on() -> None:
    scene = Scene(ruled(lists=uses("ads")), image_of(ads=[blocked(1, "one.example")]))
    assert [shown(await scene.ask(name)) == NULL for name in ("one.example.", "two.example.")] == [True, False]
    scene.resolver.use_image(image_of(ads=[blocked(1, "two.example")]))
    assert [shown(await scene.ask(name)) == NULL for name in ("one.example.", "two.example.")] == [False, True]
    assert scene.forgot == 1


@on_loop
async def test_what_is_blocked_is_seen_while_somebody_watches_and_gone_afterwards() -> None:
    scene = Scene(ruled(block("no", "bad.example"), lists=uses("ads")), image_of(ads=[blocked(4, "c1.example")]))
    assert (await scene.ask("bad.example.")).cacheable > 0
    scene.resolver.watch(900)
    for name in ("bad.example.", "bad.example.", "a1.example.", "fine.example."):
        reply = await scene.ask(name, group=1)
        assert (reply.cacheable == 0) is (name != "fine.example.")
    told = account.blocked(scene.resolver)
    assert told["until_s"] == 900
    rows = told["blocked"]
    assert isinstance(rows, list)
    assert [{key: row[key] for key in row if key != "last_s"} for row in rows] == [
        {"name": "a1.example.", "type": 1, "group": "kids", "rule": "", "list": "ads", "line": 4, "count": 1},
        {"name": "bad.example.", "type": 1, "group": "kids", "rule": "no", "list": "", "line": 0, "count": 2},
    ]
    scene.resolver.watch(0)
    assert account.blocked(scene.resolver) == {"until_s": 0, "blocked": []}
    assert (await scene.ask("bad.example.")).cacheable > 0


@on_loop
async def test_a_routing_rule_of_one_group_leads_nobody_else() -> None:
    rule = Rule("work", Action.ROUTE, groups=(1,), domains=domains("corp.example"), upstream_group=1)
    chosen = ruled(rule)
    office = replace(settings("b").upstream_groups[0], name="office")
    chosen = replace(chosen, upstream_groups=(*chosen.upstream_groups, office))
    scene = Scene.__new__(Scene)
    scene.date, scene.facts, scene.forgot = NOON, [], 0
    scene.world, scene.upstreams = world_of(lambda q: respond(q, "192.0.2.1"), lambda q: respond(q, "192.0.2.2"))
    scene.resolver = Resolver(chosen, scene.world, scene.facts.append)
    install(scene.world, scene.upstreams)
    assert shown(await scene.ask("www.corp.example.", group=1)) == ["NOERROR", "192.0.2.2"]
    assert shown(await scene.ask("www.corp.example.")) == ["NOERROR", "192.0.2.1"]


@on_loop
async def test_every_rule_that_was_considered_is_told_in_order() -> None:
    evening = schedule("evening", (13 * 60, 14 * 60))
    rules = (
        block("later", "x.example", schedule=0),
        block("kids", "x.example", groups=(1,)),
        Rule("yes", Action.ALLOW, domains=domains("ok.x.example")),
        block("no", "x.example"),
    )
    image = image_of(
        ads=[blocked(3, "x.example"), blocked(4, "y.example"), blocked(5, "b.y.example", saying=Saying.ALLOW)]
    )
    scene = Scene(ruled(*rules, schedules=(evening,), lists=uses("ads")), image)

    def told(name: str) -> list[tuple[object, object]]:
        line = account.explain(scene.resolver, query_for(name))
        rows = line["considered"]
        assert isinstance(rows, list)
        return [(row["rule"], row["result"]) for row in rows if row["kind"] != "built in"]

    assert told("x.example.") == [
        ("later", "not at this time (evening)"),
        ("kids", "for other client groups"),
        ("no", "decides"),
    ]
    assert told("ok.x.example.")[2:] == [
        ("kids", "for other client groups"),
        ("no", "a rule above allows it"),
        ("list ads line 3", "a rule above allows it"),
    ]
    assert told("b.y.example.") == [("list ads line 4", "another line counts more"), ("list ads line 5", "allows")]
    assert account.explain(scene.resolver, query_for("x.example."))["rule"] == "rule no"
    assert told("fine.example.") == []


# -- through front and resolver, with everything shared that is shared

NAMES = ("a1.example.", "a2.example.", "c1.example.", "c2.example.", "b.example.", "x.b.example.")
GROUPS = ("default", "kids")


@st.composite
def rules_of(draw: st.DrawFn) -> Rule:
    action = draw(st.sampled_from([Action.ALLOW, Action.BLOCK, Action.BLOCK, Action.REWRITE]))
    name = draw(st.sampled_from([name[:-1] for name in NAMES]))
    form = draw(st.sampled_from([Refusing.NULL, Refusing.NXDOMAIN, Refusing.NODATA, Refusing.REFUSED]))
    groups = draw(st.sampled_from([(), (0,), (1,)]))
    target = read_name(draw(st.sampled_from(["c9.example", "a8.example"]))) if action is Action.REWRITE else b""
    number = draw(st.integers(0, 999))
    return Rule(str(number), action, groups, domains(name), refusal=Refusal(form), target=target)


class Through:
    """`front`'s desk before a resolver: its flights and its cache, the resolver's flights and memory."""

    def __init__(self, chosen: ResolverSettings, image: ListImage) -> None:
        self.scene = Scene(chosen, image)
        self.front = Counter53(1_000)
        self.front.desk.connect(self)  # type: ignore[arg-type]
        self.front.desk.grant(1_000, START)

    def query(self, flight: object, deadline: float) -> None:
        key, handle = flight.key, flight.handle  # type: ignore[attr-defined]
        query = Query(key.question, key.flags | RD, key.group, 1)
        loop = asyncio.get_running_loop()

        def answer(reply: Reply) -> None:
            loop.call_soon(self.front.desk.replied, handle, reply, Instant(START))

        self.scene.resolver.ask(query, handle, answer)

    def cancel(self, handle: int) -> None:
        self.scene.resolver.cancel(handle)

    async def ask(self, name: str, rrtype: str, group: int) -> str:
        road = FakeRoad()
        address = "127.0.0.65" if group else "127.0.0.1"
        self.front.ask(dns.message.make_query(name, rrtype), road=road, address=address)
        async with asyncio.timeout(60):
            while not road.sent:
                await asyncio.sleep(0)
        message = road.message
        return f"{dns.rcode.to_text(message.rcode())} {[rrset.to_text() for rrset in message.answer]}"


@hypothesis_settings(max_examples=40, deadline=None)
@given(
    st.lists(rules_of(), max_size=4),
    st.sampled_from([(), (0,), (1,)]),
    st.lists(
        st.tuples(st.sampled_from(NAMES), st.sampled_from(["A", "AAAA", "MX"]), st.integers(0, 1)),
        min_size=1,
        max_size=8,
    ),
    st.booleans(),
)
def test_no_verdict_ever_crosses_to_another_group(
    rules: list[Rule], listed: tuple[int, ...], questions: list[tuple[str, str, int]], at_once: bool
) -> None:
    """What a group gets where everything is shared with the other is what it gets where it is alone."""
    image = image_of(ads=[blocked(1, "c2.example"), _network(2, "203.0.113.148", 32)])
    chosen = ruled(*rules, lists=uses("ads", groups=listed))

    async def shared() -> list[str]:
        through = Through(chosen, image)
        asking = [through.ask(*question) for question in questions]
        return await asyncio.gather(*asking) if at_once else [await one for one in asking]

    async def alone() -> list[str]:
        return [await Through(chosen, image).ask(*question) for question in questions]

    async def both() -> tuple[list[str], list[str]]:
        return await shared(), await alone()

    together, apart = asyncio.run(both())
    assert together == apart


def test_servers_of_a_name_are_looked_at_where_an_iteration_knows_them() -> None:
    memory = RRsetMemory(CacheSettings())
    for zone, server, address in (
        ("example", "ns.example", "192.0.2.53"),
        ("bad.example", "ns.evil.example", "192.0.2.66"),
    ):
        made = Referral(read_name(zone), (NameServer(read_name(server), (Endpoint(address),)),), 3_600)
        memory.store_cut(made, 10_000.0, Instant(0.0))
    found = servers_at(memory, read_name("www.bad.example"), Instant(1.0))
    assert found.names == (read_name("ns.evil.example"), read_name("ns.example"))
    assert found.addresses == (bytes((192, 0, 2, 66)), bytes((192, 0, 2, 53)))

    by_name = image_of(rpz=[Entry(Trigger.SERVER, Saying.BLOCK, 5, name=read_name("evil.example"))])
    by_address = image_of(rpz=[_network(6, "192.0.2.66", 32, Trigger.SERVER_ADDRESS)])
    chosen = ruled(lists=uses("rpz"))
    query = query_for("www.bad.example.")
    reply = Reply(respond(build_query(query.key, 0x0100)), (), 60.0, 1, Origin.UPSTREAM)
    for image, line in ((by_name, 5), (by_address, 6)):
        snapshot = Snapshot(chosen, Book(Ledger(chosen.policy), image, NOON))
        said = inspect(query, reply, snapshot, lambda: found)
        assert isinstance(said, Say)
        assert said.rule == f"list rpz line {line}"
        other = inspect(query, reply, snapshot, lambda: Servers((read_name("ns.example"),)))
        assert other is reply


def _only_v4(query: bytes) -> bytes:
    message = parse_message(query)
    name = show_name(message.question[:-4].lower())
    if int.from_bytes(message.question[-4:-2], "big") == RecordType.AAAA:
        return wire_of(name, "AAAA")
    return respond(query, "203.0.113.7")


@on_loop
async def test_a_rewritten_name_is_translated_like_any_and_a_blocked_one_is_not() -> None:
    """DNS64 makes addresses of the other name's; of what is blocked it makes nothing."""
    rules = (
        Rule("safe", Action.REWRITE, domains=domains("=www.search.example"), target=read_name("safe.example")),
        block("no", "bad.example", types=(int(RecordType.AAAA),), refusal=Refusal(Refusing.NODATA)),
    )
    chosen = replace(ruled(*rules), dns64=Dns64(("64:ff9b::/96",)))
    scene = Scene(chosen, None, _only_v4)
    assert shown(await scene.ask("www.search.example.", "AAAA")) == ["NOERROR", "safe.example.", "64:ff9b::cb00:7107"]
    assert shown(await scene.ask("bad.example.", "AAAA")) == ["NOERROR"]


@on_loop
async def test_an_address_that_a_list_is_about_is_not_reached_by_dns64_either() -> None:
    listed, other = (("203.0.113.7", "list rpz line 1"), ("203.0.113.8", None))
    for prefix, (address, told) in itertools.product(("64:ff9b::/96", "2001:db8::/32"), (listed, other)):
        chosen = replace(ruled(lists=uses("rpz")), dns64=Dns64((prefix,)))
        scene = Scene(chosen, image_of(rpz=[_network(1, address, 32)]), _only_v4)
        for rrtype in ("AAAA", "A"):
            answer = await scene.ask("www.example.", rrtype)
            assert (answer.explanation and answer.explanation.text) == told
            assert shown(answer)[1:] != []
            assert (shown(answer)[1] in ("0.0.0.0", "::")) is (told is not None)


@on_loop
async def test_only_a_routing_rule_to_private_servers_may_lead_inside() -> None:
    def office(address: str) -> UpstreamGroup:
        group = settings("b").upstream_groups[0]
        return replace(group, name="office", servers=(replace(group.servers[0], addresses=(address,)),))

    def rule(private: bool) -> Rule:
        return Rule("work", Action.ROUTE, domains=domains("corp.example"), upstream_group=1, private=private)

    inside, nothing = ["NOERROR", "10.1.2.3"], ["NOERROR"]
    for private, at, expected in (
        (True, "192.0.2.1", inside),
        (False, "192.0.2.1", nothing),
        (False, "10.0.0.1", inside),
    ):
        chosen = ruled(rule(private), rebinding=Rebinding(protect=True))
        chosen = replace(chosen, upstream_groups=(*chosen.upstream_groups, office(at)))
        world, upstreams = world_of(respond, lambda query: respond(query, "10.1.2.3"))
        resolver = Resolver(chosen, world, lambda fact: None)
        install(world, upstreams)
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        resolver.ask(query_for("www.corp.example."), object(), future.set_result)
        assert shown(await future) == expected
