"""The image of lists against a plain reading of its entries."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.lists import image as image_module
from privacy.lists.compile import MAX_LABELS, MAX_OF_ONE, MAX_REPORTED, Compiled, Item, Source, compile_image
from privacy.lists.entry import Entry, Record, Saying, Scope, Skipped, Trigger
from privacy.lists.image import MAX_DETAIL, hash_of
from privacy.lists.matcher import EACH, MAX_READ, Hit, ListImage
from wire.dns.names import is_below, read_name
from wire.errors import Malformed

A, AAAA, HTTPS = 1, 28, 65

LABELS = st.sampled_from((b"a", b"b", b"ads", b"www", b"x-1", b"\0"))
NAMES = st.lists(LABELS, max_size=4).map(
    lambda labels: b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
)
TYPES = st.lists(st.sampled_from((A, AAAA, HTTPS)), max_size=2).map(tuple)
RECORDS = st.lists(
    st.builds(Record, st.sampled_from((A, AAAA)), st.binary(max_size=6), st.integers(-1, 2**31 - 1)), max_size=2
).map(tuple)
ADDRESSES = st.one_of(
    st.lists(st.sampled_from((0, 1, 127, 128, 255)), min_size=size, max_size=size).map(bytes) for size in (4, 16)
)
NETWORKS = ADDRESSES.flatmap(lambda address: st.tuples(st.just(address), st.integers(0, 8 * len(address))))
LINES = st.integers(1, 2**32 - 1)
COMMON = {
    "saying": st.sampled_from(Saying),
    "line": LINES,
    "important": st.booleans(),
    "types": TYPES,
    "other_types": st.booleans(),
    "excepted": st.lists(NAMES, max_size=2).map(tuple),
    "records": RECORDS,
}
NAMED = st.builds(
    Entry,
    trigger=st.sampled_from((Trigger.NAME, Trigger.SERVER)),
    name=NAMES,
    scope=st.sampled_from(Scope),
    **COMMON,  # type: ignore[arg-type]
)
ADDRESSED = st.builds(
    Entry,
    trigger=st.sampled_from((Trigger.ADDRESS, Trigger.SERVER_ADDRESS)),
    network=NETWORKS,
    saying=st.sampled_from(Saying),
    line=LINES,
    records=RECORDS,
)
PATTERNED = st.builds(
    Entry,
    trigger=st.just(Trigger.PATTERN),
    pattern=st.sampled_from(("^ads", "a.b", r"\.www$", "[0-9]", "^$", "(?i)B")),
    **COMMON,  # type: ignore[arg-type]
)
PLAIN = st.tuples(LINES, NAMES, st.sampled_from(Scope))
SKIPPED = st.builds(Skipped, LINES, st.just("why"))
LISTS = st.lists(st.lists(st.one_of(PLAIN, NAMED, ADDRESSED, PATTERNED, SKIPPED), max_size=MAX_OF_ONE), max_size=4)


def compiled(*lists: list[Item]) -> Compiled:
    return compile_image(
        Source(f"list-{place}", sha256(b"%d" % place).digest(), items) for place, items in enumerate(lists)
    )


def image(*lists: list[Item]) -> ListImage:
    return ListImage(compiled(*lists).image)


def entry(name: str, saying: Saying = Saying.BLOCK, line: int = 1, **fields: object) -> Entry:
    return Entry(Trigger.NAME, saying, line, read_name(name), **fields)  # type: ignore[arg-type]


# The oracle: every entry is looked at, one after another.


def as_entry(item: Item) -> Entry | None:
    if isinstance(item, tuple):
        line, name, scope = item
        return Entry(Trigger.NAME, Saying.BLOCK, line, name, scope)
    return item if isinstance(item, Entry) else None


def meaning(one: Entry) -> tuple[object, ...]:
    """All it says but its line, and what it cannot say."""
    types, excepted = frozenset(one.types), frozenset(one.excepted)
    other = one.other_types and bool(types)
    network = None
    if one.network is not None:
        address, length = one.network
        network = (cut(address, length), length)
    said = (one.trigger, one.saying, one.name, one.pattern, network, one.important, types, other, excepted)
    return (*said, one.records, one.scope if one.name else None)


def cut(address: bytes, length: int) -> bytes:
    bits = "".join(f"{octet:08b}" for octet in address)
    kept = bits[:length] + "0" * (len(bits) - length)
    return bytes(int(kept[at : at + 8], 2) for at in range(0, len(kept), 8))


def covers(one: Entry, name: bytes, rrtype: int | None) -> bool:
    if one.types and rrtype is not None and (rrtype in one.types) == one.other_types:
        return False
    if any(is_below(name, excepted) for excepted in one.excepted):
        return False
    match one.scope:
        case Scope.EXACT:
            return name == one.name
        case Scope.BELOW:
            return name != one.name and is_below(name, one.name)
        case Scope.TREE:
            return is_below(name, one.name)


def expected(lists: list[list[Item]], trigger: Trigger, name: bytes, rrtype: int | None = None) -> list[Hit]:
    """What is to be found, in no order: of lines that say the same only the first."""
    found: dict[tuple[object, ...], Hit] = {}
    for place, items in enumerate(lists):
        for one in filter(None, map(as_entry, items)):
            if one.trigger is not trigger:
                continue
            if one.network is not None:
                address, length = one.network
                zone = cut(address, length) + bytes((length,))
                covered = len(address) == len(name) and cut(name, length) == zone[:-1]
            else:
                zone, covered = one.name, covers(one, name, rrtype)
            if covered:
                hit = Hit(place, one.line, one.saying, trigger, one.important, zone, "", one.records)
                key = (place, meaning(one))
                found[key] = min(found.get(key, hit), hit, key=lambda hit: hit.line)
    return sorted(found.values(), key=repr)


@settings(max_examples=300, deadline=None)
@given(lists=LISTS, names=st.lists(NAMES, min_size=1, max_size=5), rrtype=st.sampled_from((A, AAAA, HTTPS, 255)))
def test_names_are_found_as_by_reading_all_entries(lists: list[list[Item]], names: list[bytes], rrtype: int) -> None:
    built = image(*lists)
    for name in names:
        hits = [hit for hit in built.name_hits(name, rrtype) if hit.trigger is Trigger.NAME]
        assert expected(lists, Trigger.NAME, name, rrtype) == sorted(hits, key=repr)
        assert sorted(hits, key=lambda hit: (-len(hit.zone), hit.list)) == hits
        servers = built.server_hits(name)
        assert expected(lists, Trigger.SERVER, name) == sorted(servers, key=repr)
        assert sorted(servers, key=lambda hit: (-len(hit.zone), hit.list)) == list(servers)


@settings(max_examples=300, deadline=None)
@given(lists=LISTS, addresses=st.lists(ADDRESSES, min_size=1, max_size=5))
def test_addresses_are_found_as_by_reading_all_entries(lists: list[list[Item]], addresses: list[bytes]) -> None:
    built = image(*lists)
    for address in addresses:
        for trigger, hits in (
            (Trigger.ADDRESS, built.address_hits(address)),
            (Trigger.SERVER_ADDRESS, built.server_address_hits(address)),
        ):
            assert expected(lists, trigger, address) == sorted(hits, key=repr)
            assert sorted(hits, key=lambda hit: (-hit.zone[-1], hit.list)) == list(hits)


@settings(max_examples=100, deadline=None)
@given(lists=LISTS)
def test_what_is_counted_is_all_there_was(lists: list[list[Item]]) -> None:
    result = compiled(*lists)
    for facts, items in zip(result.lists, lists, strict=True):
        assert facts.entries + facts.repeated + facts.skipped == len(items)
    assert ListImage(result.image).lists == result.lists
    assert result == compiled(*lists)


# By example.


@pytest.mark.parametrize(
    ("scope", "itself", "below"), [(Scope.TREE, True, True), (Scope.EXACT, True, False), (Scope.BELOW, False, True)]
)
@pytest.mark.parametrize("plain", [True, False])
def test_a_scope_is_itself_what_is_below_or_both(scope: Scope, itself: bool, below: bool, plain: bool) -> None:
    name = read_name("ads.example")
    built = image([(3, name, scope) if plain else entry("ads.example", line=3, scope=scope)])
    assert itself == bool(built.name_hits(name, A))
    assert below == bool(built.name_hits(read_name("x.ads.example"), A))
    assert below == bool(built.name_hits(read_name("y.x.ads.example"), A))
    assert built.name_hits(read_name("badads.example"), A) == ()
    assert built.name_hits(read_name("example"), A) == ()


def test_the_closest_name_comes_first_then_lists_in_order_then_patterns() -> None:
    pattern = Entry(Trigger.PATTERN, Saying.ALLOW, 9, pattern="^w.*e$")
    built = image(
        [pattern, entry("example", line=1), entry("www.example", Saying.NODATA, line=2)],
        [entry("www.example", line=7, important=True)],
    )
    found = built.name_hits(read_name("www.example"), A)
    assert [(0, 2), (1, 7), (0, 1), (0, 9)] == [(hit.list, hit.line) for hit in found]
    assert ["", "", "", "^w.*e$"] == [hit.pattern for hit in found]
    assert [b"\3www\7example\0"] * 2 + [b"\7example\0", b""] == [hit.zone for hit in found]
    assert [False, True, False, False] == [hit.important for hit in found]


@pytest.mark.parametrize("saying", Saying)
def test_every_saying_and_its_records_come_back(saying: Saying) -> None:
    records = (Record(A, bytes(4), 60), Record(5, b"\1*\4safe\0"))
    built = image([entry("a.example", saying, records=records)])
    (hit,) = built.name_hits(read_name("a.example"), A)
    assert (saying, records) == (hit.saying, hit.records)


@pytest.mark.parametrize(
    ("other_types", "hits"),
    [(False, {A: True, AAAA: True, HTTPS: False}), (True, {A: False, AAAA: False, HTTPS: True})],
)
def test_types_are_these_or_all_others(other_types: bool, hits: dict[int, bool]) -> None:
    built = image([entry("a.example", types=(AAAA, A), other_types=other_types)])
    assert hits == {rrtype: bool(built.name_hits(read_name("a.example"), rrtype)) for rrtype in hits}


def test_excepted_names_and_what_is_below_them_are_left_alone() -> None:
    built = image([entry("example", excepted=(read_name("good.example"),))])
    answers = {
        name: bool(built.name_hits(read_name(name), A))
        for name in ("example", "good.example", "x.good.example", "nogood.example")
    }
    assert {"example": True, "good.example": False, "x.good.example": False, "nogood.example": True} == answers


def test_the_root_stands_for_all_names() -> None:
    built = image([(1, b"\0", Scope.TREE)], [(2, b"\0", Scope.EXACT)])
    assert [0] == [hit.list for hit in built.name_hits(read_name("any.example"), A)]
    assert [0, 1] == [hit.list for hit in built.name_hits(b"\0", A)]


def test_longest_prefix_first_and_families_apart() -> None:
    networks = [(bytes((10, 0, 0, 0)), 8), (bytes((10, 1, 0, 0)), 16), (bytes(16), 0), (bytes(4), 0)]
    built = image([Entry(Trigger.ADDRESS, Saying.BLOCK, line + 1, network=n) for line, n in enumerate(networks)])
    assert [2, 1, 4] == [hit.line for hit in built.address_hits(bytes((10, 1, 2, 3)))]
    assert [3] == [hit.line for hit in built.address_hits(b"\x0a\1" + bytes(14))]
    assert built.address_hits(bytes((10, 1, 2, 3)))[0].zone == bytes((10, 1, 0, 0, 16))
    assert built.server_address_hits(bytes((10, 1, 2, 3))) == ()
    assert not built.looks_at_servers


def test_servers_are_not_names_asked_for() -> None:
    built = image([Entry(Trigger.SERVER, Saying.NXDOMAIN, 4, read_name("ns.example"), Scope.EXACT)])
    assert built.looks_at_servers
    assert built.name_hits(read_name("ns.example"), A) == ()
    assert [4] == [hit.line for hit in built.server_hits(read_name("ns.example"))]
    assert built.server_hits(read_name("x.ns.example")) == ()


def test_a_client_trigger_is_reported_and_not_compiled() -> None:
    result = compiled([Entry(Trigger.CLIENT, Saying.BLOCK, 5, network=(bytes(4), 32))])
    assert ((Skipped(5, "is about a client's address, which is not known here"),),) == result.skipped
    assert (0, 1) == (result.lists[0].entries, result.lists[0].skipped)


def test_lines_that_say_the_same_count_once_and_the_first_line_is_told() -> None:
    name = read_name("ads.example")
    result = compiled([(9, name, Scope.TREE), (2, name, Scope.TREE), entry("ads.example", line=5)])
    assert [2] == [hit.line for hit in ListImage(result.image).name_hits(name, A)]
    assert (1, 2, 0) == (result.lists[0].entries, result.lists[0].repeated, result.lists[0].skipped)


def test_one_list_cannot_make_one_look_up_long_nor_hide_another_list() -> None:
    many: list[Item] = [
        entry("ads.example", Saying.RECORDS, line, records=(Record(A, line.to_bytes(4, "big")),))
        for line in range(1, 500)
    ]
    result = compiled(many, [entry("ads.example", Saying.ALLOW)])
    hits = ListImage(result.image).name_hits(read_name("ads.example"), A)
    assert [0] * MAX_OF_ONE + [1] == [hit.list for hit in hits]
    assert (MAX_OF_ONE, 499 - MAX_OF_ONE) == (result.lists[0].entries, result.lists[0].skipped)
    assert "different things of one name" in result.skipped[0][0].why


def test_a_list_that_says_very_much_of_every_label_of_a_long_name_costs_little_and_hides_no_other() -> None:
    name = read_name("x." * 119 + "example")
    every = [name[at:] for at in range(0, len(name) - 9, 2)]
    poisoned = [
        Entry(Trigger.NAME, Saying.BLOCK, 1, one, types=(number, *range(100, 100 + number)))
        for one in every
        for number in range(1, 17)
    ]
    result = compiled(poisoned, [(7, read_name("example"), Scope.TREE)])
    hits = ListImage(result.image).name_hits(name, 1)
    assert 16 * len(every) == result.lists[0].entries + result.lists[0].skipped
    assert MAX_LABELS * MAX_OF_ONE >= result.lists[0].entries
    assert (1, 7) == (hits[-1].list, hits[-1].line)
    with count_parsed() as parsed:
        ListImage(result.image).name_hits(name, 65_000)
    assert MAX_READ // EACH + 2 >= len(parsed)


@contextmanager
def count_parsed() -> Iterator[list[bytes]]:
    """Details that are read meanwhile, however often each."""
    parsed: list[bytes] = []
    read = image_module.parse_detail

    def counting(data: bytes) -> image_module.Detail:
        parsed.append(data)
        return read(data)

    with patch.object(image_module, "parse_detail", counting):
        yield parsed


def test_many_exceptions_are_excepted_as_few_are() -> None:
    excepted = tuple(read_name(f"n{number}.a.example") for number in range(400))
    built = image([entry("a.example", excepted=excepted)])
    assert [(), ()] == [built.name_hits(read_name(one), 1) for one in ("n399.a.example", "x.y.n7.a.example")]
    assert [1, 1] == [len(built.name_hits(read_name(one), 1)) for one in ("a.example", "n400.a.example")]


def test_an_entry_that_is_too_big_is_reported() -> None:
    big = entry("a.example", Saying.RECORDS, 3, records=(Record(16, bytes(MAX_DETAIL)),))
    result = compiled([big])
    assert 0 == result.lists[0].entries
    assert [3] == [skipped.line for skipped in result.skipped[0]]


def test_of_many_skipped_lines_some_are_told_and_all_counted() -> None:
    result = compiled([Skipped(line, "no name") for line in range(1, 3_001)])
    assert (3_000, MAX_REPORTED) == (result.lists[0].skipped, len(result.skipped[0]))


def test_images_are_the_same_for_the_same_texts_and_keyed_by_them() -> None:
    items: list[Item] = [(1, read_name("a.example"), Scope.TREE)]
    one, other = (compile_image([Source("x", sha256(text).digest(), items)]) for text in (b"one", b"other"))
    assert one == compile_image([Source("x", sha256(b"one").digest(), items)])
    assert one.digest != other.digest
    assert one.image[16:32] != other.image[16:32]
    assert hash_of(one.image[16:32], b"\0") != hash_of(other.image[16:32], b"\0")


def test_an_image_without_lists_finds_nothing() -> None:
    built = image()
    assert () == built.names
    assert () == built.name_hits(read_name("a.example"), A)
    assert () == built.address_hits(bytes(4))


def test_many_names_are_all_found_and_others_are_not() -> None:
    names = [b"\6n%05d\7example\0" % number for number in range(20_000)]
    built = image([(line + 1, name, Scope.TREE) for line, name in enumerate(names)])
    assert list(range(1, 20_001)) == [built.name_hits(name, A)[0].line for name in names]
    assert not any(built.name_hits(b"\6m%05d\7example\0" % number, A) for number in range(20_000))


# Damage.


def sample() -> bytes:
    items: list[Item] = [(line, b"\6n%05d\7example\0" % line, Scope.TREE) for line in range(1, 40)]
    items += [
        entry(
            "deny.example",
            Saying.RECORDS,
            50,
            types=(A,),
            excepted=(read_name("x.deny.example"),),
            records=(Record(A, bytes(4)),),
        ),
        Entry(Trigger.PATTERN, Saying.BLOCK, 51, pattern="^ad[sv]"),
        Entry(Trigger.ADDRESS, Saying.BLOCK, 52, network=(bytes((10, 0, 0, 0)), 8)),
        Entry(Trigger.SERVER, Saying.BLOCK, 53, read_name("ns.example")),
    ]
    return compiled(items, [(1, read_name("deny.example"), Scope.EXACT)]).image


def ask_everything(data: bytes) -> None:
    built = ListImage(data)
    for name in ("deny.example", "x.deny.example", "ads.example", "n00007.example", "ns.example"):
        built.name_hits(read_name(name), A)
        built.server_hits(read_name(name))
    for address in (bytes((10, 1, 1, 1)), bytes(16)):
        built.address_hits(address)
        built.server_address_hits(address)


def test_an_image_that_is_cut_off_anywhere_is_refused() -> None:
    data = sample()
    for end in range(len(data)):
        with pytest.raises(Malformed):
            ListImage(data[:end])
    with pytest.raises(Malformed):
        ListImage(data + bytes(8))


def test_a_damaged_image_raises_nothing_but_malformed() -> None:
    data, rng = sample(), random.Random(7)
    refused = 0
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 1 << rng.randrange(8)
        try:
            ask_everything(bytes(damaged))
        except Malformed:
            refused += 1
    assert 100 < refused < len(data)
