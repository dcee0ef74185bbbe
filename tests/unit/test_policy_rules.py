"""Rules, lists and their order: what is said of a name, in which form, and by whom."""

from unittest.mock import patch

import pytest
from kit.questions import query_for
from kit.rules import Saying, blocked, domains, image_of, ruled, uses

from privacy.lists.entry import Entry, Record, Trigger
from privacy.lists.matcher import Hit, ListImage
from resolver.policy import decide
from resolver.policy.book import Book, Ledger
from resolver.policy.lists import say
from resolver.policy.verdict import Say
from resolver.policy_settings import Action, ListUse, Refusal, Refusing, Rule
from resolver.settings import ResolverSettings, Route
from resolver.snapshot import Snapshot
from wire.dns.codes import ExtendedError, HeaderFlag, Rcode, RecordType
from wire.dns.message import parse_message
from wire.dns.names import ROOT, read_name

AT = 1_800_000_000.0


def snapshot_of(chosen: ResolverSettings, image: ListImage | None = None, date: float = AT) -> Snapshot:
    return Snapshot(chosen, Book(Ledger(chosen.policy), image, date))


def said(snapshot: Snapshot, name: str, rrtype: str = "A", group: int = 0) -> Say | None:
    return decide(query_for(name, rrtype)._replace(group=group), snapshot)


def who(snapshot: Snapshot, name: str, rrtype: str = "A", group: int = 0) -> str | None:
    found = said(snapshot, name, rrtype, group)
    return None if found is None else found.rule


def block(name: str, *names: str, **more: object) -> Rule:
    return Rule(name, Action.BLOCK, domains=domains(*names), **more)  # type: ignore[arg-type]


def allow(name: str, *names: str, **more: object) -> Rule:
    return Rule(name, Action.ALLOW, domains=domains(*names), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pattern", "name", "hit"),
    [
        ("bad.example", "bad.example.", True),
        ("bad.example", "a.b.bad.example.", True),
        ("bad.example", "notbad.example.", False),
        ("=bad.example", "bad.example.", True),
        ("=bad.example", "a.bad.example.", False),
        ("*.bad.example", "bad.example.", False),
        ("*.bad.example", "a.b.bad.example.", True),
        (".", "anything.example.", True),
        (".", ".", True),
    ],
)
def test_which_names_a_domain_stands_for(pattern: str, name: str, hit: bool) -> None:
    assert (who(snapshot_of(ruled(block("r", pattern))), name) == "rule r") is hit


def test_patterns_see_small_letters_without_the_last_dot() -> None:
    rule = Rule("p", Action.BLOCK, patterns=(r"^ad[0-9]+\.", r"tracker\.example$"))
    snapshot = snapshot_of(ruled(rule, block("other", "other.example")))
    assert [
        who(snapshot, name) for name in ("ad1.shop.example.", "a.tracker.example.", "bad1.example.", "other.example.")
    ] == [
        "rule p",
        "rule p",
        None,
        "rule other",
    ]


def test_allow_beats_block_block_beats_rewrite_and_all_beat_lists() -> None:
    """Whatever the order in the file; of one action the first counts."""
    rules = (
        Rule("to-here", Action.REWRITE, domains=domains("x.example"), addresses=(bytes((192, 0, 2, 9)),)),
        block("no", "b.x.example"),
        block("later", "b.x.example"),
        allow("yes", "a.b.x.example"),
    )
    image = image_of(ads=[blocked(1, "x.example"), blocked(2, "y.example"), blocked(3, "a.b.y.example")])
    snapshot = snapshot_of(ruled(*rules, allow("fine", "a.b.y.example"), lists=uses("ads")), image)
    assert who(snapshot, "x.example.") == "rule to-here"
    assert who(snapshot, "b.x.example.") == "rule no"
    # What is allowed is not blocked; it is rewritten all the same.
    assert who(snapshot, "a.b.x.example.") == "rule to-here"
    assert who(snapshot, "y.example.") == "list ads line 2"
    assert who(snapshot, "a.b.y.example.") is None


def test_a_special_name_comes_before_every_rule() -> None:
    snapshot = snapshot_of(ruled(block("all", ".")))
    assert who(snapshot, "localhost.") == "special-names"
    assert who(snapshot, "www.example.") == "rule all"


@pytest.mark.parametrize("who_else", [0, 2])
def test_a_rule_of_one_group_is_no_other_groups(who_else: int) -> None:
    rule = block("bedtime", "games.example", groups=(1,))
    snapshot = snapshot_of(ruled(rule, groups=("default", "kids", "guests")))
    found = said(snapshot, "games.example.", group=1)
    assert found is not None
    assert found.explanation is not None
    assert found.explanation.code == ExtendedError.FILTERED
    assert found.explanation.text == "rule bedtime"
    assert said(snapshot, "games.example.", group=who_else) is None


def test_a_rule_may_be_about_types_only() -> None:
    rule = block("v4-only", ".", types=(int(RecordType.AAAA),), refusal=Refusal(Refusing.NODATA))
    snapshot = snapshot_of(ruled(rule))
    assert who(snapshot, "www.example.", "AAAA") == "rule v4-only"
    assert who(snapshot, "www.example.", "A") is None


@pytest.mark.parametrize(
    ("refusal", "rrtype", "rcode", "data"),
    [
        (Refusal(), "A", Rcode.NOERROR, [bytes(4)]),
        (Refusal(), "AAAA", Rcode.NOERROR, [bytes(16)]),
        (Refusal(), "HTTPS", Rcode.NOERROR, []),
        (Refusal(Refusing.NXDOMAIN), "A", Rcode.NXDOMAIN, []),
        (Refusal(Refusing.NODATA), "A", Rcode.NOERROR, []),
        (Refusal(Refusing.REFUSED), "A", Rcode.REFUSED, []),
        (Refusal(Refusing.ADDRESS, (bytes((10, 0, 0, 1)),)), "A", Rcode.NOERROR, [bytes((10, 0, 0, 1))]),
        (Refusal(Refusing.ADDRESS, (bytes((10, 0, 0, 1)),)), "AAAA", Rcode.NOERROR, []),
    ],
)
@pytest.mark.parametrize("flags", [0b0001, 0b0111])
def test_forms_of_no(refusal: Refusal, rrtype: str, rcode: int, data: list[bytes], flags: int) -> None:
    """With CD too, and never with AD."""
    snapshot = snapshot_of(ruled(block("r", "bad.example", refusal=refusal)))
    query = query_for("www.bad.example.", rrtype)._replace(flags=flags)
    found = decide(query, snapshot)
    assert found is not None
    reply = found.reply(query, 1)
    message = parse_message(reply.message)
    assert message.rcode == rcode
    assert [message.data[r.rdata_start : r.rdata_end] for r in message.answer] == data
    assert not message.flags & HeaderFlag.AD
    assert reply.explanation is not None
    assert (reply.explanation.code, reply.explanation.text) == (ExtendedError.BLOCKED, "rule r")
    assert reply.cacheable <= 10
    negative = not data and rcode != Rcode.REFUSED
    assert [r.rrtype for r in message.authority] == ([RecordType.SOA] if negative else [])


def test_a_rewritten_name_leads_on_but_not_to_itself() -> None:
    target = read_name("safe.search.example")
    snapshot = snapshot_of(ruled(Rule("safe", Action.REWRITE, domains=domains("search.example"), target=target)))
    found = said(snapshot, "www.search.example.")
    assert found is not None
    assert found.onward == target
    assert found.answer[0].rdata == target
    assert found.explanation is not None
    assert (found.explanation.code, found.explanation.also) == (ExtendedError.FORGED_ANSWER, ExtendedError.BLOCKED)
    assert found.explanation.text == "rule safe"
    assert said(snapshot, "safe.search.example.") is None


# -- lists


def test_weights_within_and_between_lists() -> None:
    image = image_of(
        ads=[
            blocked(1, "example"),
            blocked(2, "ok.example", saying=Saying.ALLOW),
            blocked(3, "x.ok.example", important=True),
            blocked(4, "y.x.ok.example", saying=Saying.ALLOW, important=True),
        ],
        good=[blocked(1, "z.x.ok.example")],
    )
    snapshot = snapshot_of(ruled(lists=(ListUse("ads"), ListUse("good", allow=True))), image)
    names = ["a.example.", "ok.example.", "x.ok.example.", "y.x.ok.example.", "z.x.ok.example."]
    assert [who(snapshot, name) for name in names] == ["list ads line 1", None, "list ads line 3", None, None]


def test_protected_names_are_blocked_by_the_user_only() -> None:
    image = image_of(evil=[blocked(1, "."), blocked(2, "dns.example", important=True)])
    protected = (read_name("dns.example"),)
    snapshot = snapshot_of(ruled(lists=uses("evil"), protected=protected), image)
    assert who(snapshot, "www.dns.example.") is None
    assert who(snapshot, "other.example.") == "list evil line 1"
    own = snapshot_of(ruled(block("mine", "dns.example"), lists=uses("evil"), protected=protected), image)
    assert who(own, "www.dns.example.") == "rule mine"


@pytest.mark.parametrize(
    ("saying", "expected"),
    [
        (Saying.NXDOMAIN, Rcode.NXDOMAIN),
        (Saying.NODATA, Rcode.NOERROR),
        (Saying.REFUSED, Rcode.REFUSED),
        (Saying.DROP, Rcode.REFUSED),
        (Saying.TRUNCATE, None),
        (Saying.ALLOW, None),
    ],
)
def test_sayings_of_a_list(saying: Saying, expected: int | None) -> None:
    image = image_of(rpz=[blocked(7, "bad.example", saying=saying)])
    found = said(snapshot_of(ruled(lists=uses("rpz")), image), "bad.example.")
    assert (None if found is None else found.rcode) == expected


def test_records_of_a_list() -> None:
    alias = Record(int(RecordType.CNAME), b"\x01*" + read_name("garden.example"))
    address = Record(int(RecordType.A), bytes((192, 0, 2, 1)), 60)
    image = image_of(
        rpz=[
            blocked(1, "a.example", saying=Saying.RECORDS, records=(address,)),
            blocked(2, "b.example", saying=Saying.RECORDS, records=(alias,)),
        ]
    )
    snapshot = snapshot_of(ruled(lists=uses("rpz", redirect=True)), image)
    one, two = said(snapshot, "a.example."), said(snapshot, "www.b.example.")
    assert one is not None
    assert [r.rdata for r in one.answer] == [address.rdata]
    assert one.keep == 60
    none = said(snapshot, "a.example.", "MX")
    assert none is not None
    assert not none.answer
    assert two is not None
    assert two.onward == read_name("www.b.example.garden.example")
    long = said(snapshot, ".".join(["a" * 60] * 3 + ["b" * 58, "b.example."]))
    assert long is not None
    assert long.rcode == Rcode.NXDOMAIN


_SOMEWHERE = [
    Record(int(RecordType.A), bytes((203, 0, 113, 9))),
    Record(int(RecordType.AAAA), bytes((32, 1)) + bytes(14)),
    Record(int(RecordType.CNAME), read_name("evil.example")),
    Record(int(RecordType.CNAME), b"\x01*" + read_name("evil.example")),
    Record(int(RecordType.HTTPS), b"\0\1\0"),
    Record(int(RecordType.MX), b"\0\1" + read_name("evil.example")),
    Record(int(RecordType.TXT), b"\1a"),
]


@pytest.mark.parametrize("record", _SOMEWHERE, ids=lambda record: str(record.rrtype))
def test_a_list_that_may_not_redirect_only_blocks(record: Record) -> None:
    """Whoever breaks in where a list lies can take names away, and send nobody anywhere."""
    null = Record(int(RecordType.A), bytes(4))
    for records in ((record,), (null, record)):
        image = image_of(poisoned=[blocked(4, "bank.example", saying=Saying.RECORDS, important=True, records=records)])
        answer = (Refusing.ADDRESS, (bytes((192, 0, 2, 80)),))
        for refusal, expected in ((Refusal(), bytes(4)), (Refusal(*answer), answer[1][0])):
            snapshot = snapshot_of(ruled(lists=uses("poisoned", refusal=refusal)), image)
            found = said(snapshot, "bank.example.")
            assert found is not None
            assert ([one.rdata for one in found.answer], found.onward) == ([expected], b"")
            assert found.cause is not None
            assert found.cause.blocks
            other = said(snapshot, "bank.example.", RecordType(record.rrtype).name)
            assert other is not None
            assert record.rdata not in [one.rdata for one in other.answer]
            assert not other.onward


def test_null_addresses_of_a_list_are_given_out_as_they_are() -> None:
    records = (Record(int(RecordType.A), bytes(4), 77), Record(int(RecordType.AAAA), bytes(16)))
    image = image_of(rpz=[blocked(4, "ads.example", saying=Saying.RECORDS, records=records)])
    snapshot = snapshot_of(ruled(lists=uses("rpz", refusal=Refusal(Refusing.NXDOMAIN))), image)
    found = said(snapshot, "ads.example.")
    assert found is not None
    assert [(one.rdata, one.ttl) for one in found.answer] == [(bytes(4), 77)]


def test_a_list_has_its_own_groups_and_refusal() -> None:
    use = ListUse("ads", groups=(1,), refusal=Refusal(Refusing.NXDOMAIN))
    snapshot = snapshot_of(
        ruled(lists=(use,)), image_of(ads=[blocked(1, "bad.example")], unused=[blocked(1, "example")])
    )
    assert who(snapshot, "bad.example.") is None
    found = said(snapshot, "bad.example.", group=1)
    assert found is not None
    assert found.rcode == Rcode.NXDOMAIN
    assert found.explanation is not None
    assert found.explanation.code == ExtendedError.FILTERED


def test_an_image_that_is_damaged_says_nothing_and_it_is_told() -> None:
    chosen = ruled(lists=uses("ads"))
    image = image_of(ads=[blocked(1, "bad.example"), Entry(Trigger.PATTERN, Saying.BLOCK, 2, pattern="x")])
    told: list[bool] = []

    class Damaged:
        names = image.names

        def name_hits(self, name: bytes, rrtype: int) -> object:
            from wire.errors import Malformed

            raise Malformed("damaged")

    book = Book(Ledger(chosen.policy), Damaged(), AT, damaged=lambda: told.append(True))  # type: ignore[arg-type]
    assert said(Snapshot(chosen, book), "bad.example.") is None
    assert said(Snapshot(chosen, book), "bad.example.") is None
    assert told == [True]


# -- routes


def test_a_rule_says_where_to_ask_and_lists_still_count() -> None:
    rule = Rule("work", Action.ROUTE, groups=(1,), domains=domains("corp.example"), upstream_group=0)
    snapshot = snapshot_of(ruled(rule, lists=uses("ads")), image_of(ads=[blocked(1, "ads.corp.example")]))
    route = snapshot.route(query_for("www.corp.example.")._replace(group=1))
    assert route is not None
    assert route.suffix == read_name("corp.example")
    other = snapshot.route(query_for("www.corp.example."))
    assert other is not None
    assert other.suffix == ROOT
    assert who(snapshot, "ads.corp.example.", group=1) == "list ads line 1"


def test_ten_thousand_domains_cost_as_much_as_one() -> None:
    """Counted in probes, not in time."""
    rule = block("many", *(f"n{number}.example" for number in range(10_000)))
    table = snapshot_of(ruled(rule)).book.ledger.table

    class Counting(dict[bytes, tuple[int, int]]):
        probes = 0

        def get(self, key: bytes, default: object = None) -> object:  # type: ignore[override]
            self.probes += 1
            return super().get(key, default)  # type: ignore[arg-type]

    table._names = names = Counting(table._names)
    assert table.match(read_name("www.n77.example"), 1, 1) == 1
    assert names.probes == 4


def test_a_route_is_inside_a_special_zone_only_by_its_labels() -> None:
    """The octets of `local` at the end of a longer label are not the zone."""
    odd = read_name("other\\005local")
    assert odd.endswith(read_name("local"))
    snapshot = snapshot_of(ruled())
    route = Route(odd, -1, 0)
    with patch.object(Snapshot, "route", lambda _self, _query: route):
        assert who(snapshot, "printer.local") == "special-names"


def test_a_list_names_the_zone_of_its_line_only_if_the_name_is_in_it() -> None:
    query, network = query_for("x.example"), bytes((192, 0, 2, 0)) + bytes((24,))
    found = say(query, Hit(0, 1, Saying.BLOCK, Trigger.ADDRESS, zone=network), ListUse("ads"))
    assert found.zone == read_name("x.example")
    assert say(
        query, Hit(0, 1, Saying.BLOCK, Trigger.NAME, zone=read_name("example")), ListUse("ads")
    ).zone == read_name("example")
