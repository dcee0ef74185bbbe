"""What the readers of lists do with texts that are none, with odd lines, and with anything that can be written."""

import gzip
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import dns.rdata
import dns.zone
import idna
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from kit.listed import CASES, read_case

from privacy.lists.entry import Entry, Record, Saying, Scope, Skipped, Trigger
from privacy.lists.formats import FORMATS, Unusable, guess, read_list, text
from privacy.lists.formats.rpz import read_network
from privacy.lists.formats.text import Answers, Unused, numbered, open_text, quick_name, read_domain
from privacy.lists.formats.zonefile import Row, Rows, read_ttl
from wire.dns.names import read_name, show_name

every = pytest.mark.parametrize("syntax", sorted(FORMATS))
derandomized = settings(derandomize=True, deadline=None, max_examples=200, suppress_health_check=list(HealthCheck))

LABEL = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=20)
NAME = st.lists(LABEL, min_size=1, max_size=6).map(".".join).filter(lambda name: not name.split(".")[-1].isdigit())


def read(data: str | bytes, syntax: str) -> list:
    return list(read_list(data if isinstance(data, bytes) else data.encode(), syntax))


# What is no list


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (gzip.compress(b"ads.example\n", mtime=0), "gzip"),
        (b"PK\x03\x04rest", "zip"),
        (b"\xfd7zXZ\0rest", "xz"),
        (b"BZh91AY", "bzip2"),
        (b"\x28\xb5\x2f\xfdrest", "zstd"),
        ("ads.example\n".encode("utf-16"), "UTF-16"),
        (b"ads.example\n\0\0", "zero octet"),
        (b"<!DOCTYPE html>\n<html><body>404</body></html>", "web page"),
        (b"\n  <html lang=en>", "web page"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>", "web page"),
        (b"# moved\n\n<!doctype HTML>", "web page"),
        (b'{"error": 404}', "JSON"),
        (b'["a.example"]', "JSON"),
    ],
)
@every
def test_what_is_no_list_is_refused_as_a_whole(syntax: str, data: bytes, why: str) -> None:
    with pytest.raises(Unusable, match=why):
        read(data, syntax)


def test_a_list_with_more_entries_than_may_be_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("privacy.lists.formats.MAX_ENTRIES", 3)
    assert 3 == len(read("a.example\nb.example\nc.example\n", "domains"))
    with pytest.raises(Unusable, match="more than 3 entries"):
        read("a.example\nb.example\nc.example\nd.example\n", "domains")


def test_more_names_with_records_than_may_be_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "MAX_ANSWERS", 2)
    with pytest.raises(Unusable, match="records of their own"):
        read("192.0.2.1 a\n192.0.2.1 b\n192.0.2.1 c\n", "hosts")


def test_of_one_name_no_more_records_are_kept_than_may_be() -> None:
    lines = "".join(f"192.0.2.{number} nas\n" for number in range(70))
    entry, *rest = sorted(read(lines, "hosts"), key=lambda item: isinstance(item, Skipped))
    assert (64, 6) == (len(entry.records), len(rest))
    assert {"more than 64 records of one name"} == {skipped.why for skipped in rest}


# Lines


@every
def test_a_byte_order_mark_and_ends_of_lines_change_nothing(syntax: str) -> None:
    for path in CASES:
        case = read_case(path)
        plain = read(case.text, syntax)
        assert plain == read(b"\xef\xbb\xbf" + case.text, syntax)
        assert plain == read(case.text.replace(b"\n", b"\r\n"), syntax)
        assert plain == read(case.text.rstrip(b"\n"), syntax)


@every
def test_odd_lines_are_reported_and_the_next_one_is_read(syntax: str) -> None:
    good = {
        "regex": "good",
        "adblock": "||good.example^",
        "rpz": "good.example CNAME .",
        "dnsmasq": "local=/good.example/",
    }
    last = good.get(syntax, "0.0.0.0 good.example" if syntax == "hosts" else "good.example").encode()
    lines = (b"a" * 5_000 + b".example", b"a\x07b.example", b"caf\xe9.example", last)
    items = read(b"\n".join(lines), syntax)
    assert [1, 2, 3] == [item.line for item in items if isinstance(item, Skipped)]
    reasons = [item.why for item in items if isinstance(item, Skipped)]
    assert "longer than 4,096 characters" == reasons[0]
    assert "control character" in reasons[1]
    assert "not UTF-8" in reasons[2]
    assert 1 == sum(not isinstance(item, Skipped) for item in items)


@every
def test_an_empty_list_and_one_of_comments_say_nothing(syntax: str) -> None:
    comment = {"rpz": "; nothing\n", "adblock": "! nothing\n"}.get(syntax, "# nothing\n")
    assert [] == read("", syntax)
    assert [] == read("\n \n\t\n", syntax)
    assert [] == read(comment, syntax)


def test_lines_are_counted_over_pieces_of_a_long_text(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"n{number}.example" for number in range(500)]
    whole = read("\n".join(lines), "domains")
    monkeypatch.setattr(text, "_PIECE", 64)
    assert whole == read("\n".join(lines), "domains")
    assert list(range(1, 501)) == [line for line, _, _ in whole]


def test_nothing_of_an_unused_line_is_in_its_reason() -> None:
    for path in CASES:
        for line in path.read_text().splitlines():
            for syntax in FORMATS:
                for item in islice(FORMATS[syntax](line.encode()), 10):
                    if isinstance(item, Skipped):
                        assert not any(
                            word in item.why for word in line.split() if ".example" in word or ".test" in word
                        )


LONG = 4_000
COSTLY = {
    "digits of a TTL": "a.test " + "1" * LONG + "x A 192.0.2.1",
    "letters outside ASCII": "é." * (LONG // 2),
    "stars": "||" + "*a" * (LONG // 2) + "^",
    "parts of a modifier": "||a.test^$" + "," * LONG,
    "escapes": 'a.test TXT "' + "\\a" * (LONG // 2),
    "backslashes": "a.test CNAME " + "\\" * LONG,
    "marks of comments": "a" + " #" * (LONG // 2),
    "cosmetic marks": "#$" * (LONG // 2),
    "slashes": "/" + "/a" * (LONG // 2),
    "colons": ":" * LONG + " a.test",
}
"""Lines at which a careless reader takes minutes."""


@pytest.mark.timeout(20)
@pytest.mark.parametrize("line", COSTLY.values(), ids=COSTLY)
def test_no_line_costs_more_than_its_length(line: str) -> None:
    """A hundred of them take a second in all formats together; one of those that backtrack takes longer than this test may."""
    for syntax in FORMATS:
        assert len(read("\n".join([line] * 100), syntax)) in (0, 100)
    assert guess("\n".join([line] * 100).encode()) in FORMATS


# Names


@derandomized
@given(NAME)
def test_a_name_is_read_as_everywhere_else(name: str) -> None:
    assert read_name(name) == quick_name(name) == read_domain(name + ".") == quick_name(name.upper())


@pytest.mark.parametrize(
    "name",
    ["", ".", "a..b", ".a", "a" * 64, ".".join(["a" * 63] * 4), "a b", "192.0.2.1", "1.2", "*.a", "a*b", "ß", "a/b"],
)
def test_what_is_no_name_is_not_read_as_one(name: str) -> None:
    assert quick_name(name) is None
    with pytest.raises(Unused):
        read_domain(name)


@derandomized
@given(st.text(min_size=1, max_size=12))
def test_a_label_outside_ascii_is_encoded_only_where_all_ways_to_do_it_agree(label: str) -> None:
    assume(not label.isascii() and "." not in label)
    try:
        name = read_domain(label + ".example")
    except Unused:
        return
    encoded = show_name(name).removesuffix(".example.")
    assert label.lower().encode("idna").decode() == encoded
    try:
        expected = idna.encode(label, uts46=True).decode()
    except idna.IDNAError:
        return  # a name that cannot be registered does no harm in a list
    assert expected == encoded


def test_the_longest_name_is_read() -> None:
    longest = ".".join(["a" * 63] * 3 + ["b" * 61])
    assert 255 == len(read_domain(longest))


# Every format by what it says


@derandomized
@given(NAME)
def test_a_name_is_blocked_in_every_format(name: str) -> None:
    wire = read_name(name)
    assume(name not in ("localhost", "local", "broadcasthost"))
    plain = [(1, wire, Scope.EXACT)], [(1, wire, Scope.TREE)]
    assert plain[0] == read(f"0.0.0.0 {name}", "hosts") == read(name, "domains") == read(f"|{name}^", "adblock")
    assert plain[1] == read(f"*.{name}", "wildcards") == read(name, "wildcards") == read(f"||{name}^", "adblock")
    assert plain[1] == read(f"address=/{name}/", "dnsmasq") == read(f"local=/{name}/", "dnsmasq")
    assert [Entry(Trigger.NAME, Saying.NXDOMAIN, 1, wire, Scope.EXACT)] == read(f"{name}. CNAME .", "rpz")
    assert [Entry(Trigger.NAME, Saying.NXDOMAIN, 1, wire, Scope.BELOW)] == read(f"*.{name}. CNAME .", "rpz")


@derandomized
@given(st.text(max_size=60).filter(lambda line: "\n" not in line), st.sampled_from(sorted(FORMATS)))
def test_any_line_is_used_or_has_a_reason_or_is_a_comment(line: str, syntax: str) -> None:
    for item in FORMATS[syntax](line.encode("utf-8", "surrogatepass")):
        assert 1 == (item[0] if isinstance(item, tuple) else item.line)


def test_answers_of_equal_entries_are_joined_and_others_kept_apart() -> None:
    one, two = Record(1, b"\xc0\0\2\1"), Record(1, b"\xc0\0\2\2")
    answers = Answers()
    for line, record, important in ((3, one, False), (4, two, False), (5, two, False), (6, one, True)):
        answers.add(Entry(Trigger.NAME, Saying.RECORDS, line, b"\1a\0", important=important, records=(record,)))
    assert [(3, (one, two)), (6, (one,))] == [(entry.line, entry.records) for entry in answers.entries()]


# RPZ

TEXTS = {
    "A": "192.0.2.1",
    "AAAA": "2001:db8::1",
    "CNAME": "target",
    "PTR": "host.example.",
    "MX": "10 mail",
    "TXT": r'"one two" three "a\"b" "\200\\"',
    "SRV": "0 5 853 dot.example.",
    "CAA": '0 issue "ca.example; x=y"',
    "SVCB": "1 svc alpn=dot,h2 port=853 key65000=abc mandatory=alpn,port",
    "HTTPS": "1 . alpn=h2,h3 no-default-alpn ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1 ech=AAb+DQACAAA=",
    "TYPE65280": r"\# 3 ab cdef",
}


@pytest.mark.parametrize("kind", TEXTS)
def test_local_data_is_read_as_dnspython_reads_it(kind: str) -> None:
    head = "$TTL 300\n$ORIGIN zone.example.\n@ SOA ns.example. admin.example. 1 2 3 4 5\n@ NS ns.example.\n"
    written = f"{head}some.name.test 60 IN {kind} {TEXTS[kind]}\n"
    zone = dns.zone.from_text(written, relativize=False)
    (theirs,) = (
        rdata.to_wire() for name, _, rdata in zone.iterate_rdatas() if name.to_text() == "some.name.test.zone.example."
    )
    (entry,) = read(written, "rpz")
    assert [(60, theirs)] == [(record.ttl, record.rdata) for record in entry.records]


def rows(written: str) -> Iterator[Row | Skipped]:
    reader = Rows()
    found = [reader.feed(number, line) for number, line in numbered(written.encode())]
    return filter(None, [*found, reader.finish()])


def test_owners_ttls_and_classes_are_read_as_dnspython_reads_them() -> None:
    written = (
        "$TTL 1h\n$ORIGIN zone.example.\n@ IN SOA ns admin ( 1 2 3\n 4 5 ) ; done\n  NS ns\n"
        "a 60 IN A 192.0.2.1\n  IN 60 A 192.0.2.2\nb.zone.example. A 192.0.2.3\n$ORIGIN sub\n"
        'c A 192.0.2.4\n@ TXT "x;y" ; z\n$TTL 1w2d3h4m5s\n*.d TXT ( a\n b ) \nE\\.e A 192.0.2.5\n'
    )
    zone = dns.zone.from_text(written, relativize=False)
    theirs = {(name.to_text().lower(), ttl, int(rdata.rdtype)) for name, ttl, rdata in zone.iterate_rdatas()}
    assert theirs == {(show_name(row.owner), row.ttl, row.rrtype) for row in rows(written)}


@pytest.mark.parametrize(
    ("written", "seconds"), [("0", 0), ("300", 300), ("1h30m", 5_400), ("1W", 604_800), ("2147483647", 2**31 - 1)]
)
def test_a_ttl_is_seconds_or_has_units(written: str, seconds: int) -> None:
    assert seconds == read_ttl(written)


@pytest.mark.parametrize("written", ["", "x", "1x", "-1", "2147483648", "9999999999w"])
def test_what_is_no_ttl_is_refused(written: str) -> None:
    with pytest.raises(Unused):
        read_ttl(written)


def test_a_parenthesis_that_is_never_closed_ends_the_zone() -> None:
    (skipped,) = rows("a A ( 192.0.2.1\nb A 192.0.2.2\n")
    assert (1, "a parenthesis that is never closed: nothing behind it could be read") == (skipped.line, skipped.why)


def test_the_usual_line_of_a_zone_is_read_as_any_other() -> None:
    """It has a shorter way: the same with a comment behind it has not."""
    head = "$ORIGIN zone.example.\n@ SOA a. b. 1 2 3 4 5\n"
    owners = (
        "a.test",
        "*.a.test",
        "A.Test",
        "a.test.zone.example.",
        "1.2",
        "*",
        "a_b.test",
        "32.1.2.0.192.rpz-ip",
        "x" * 63,
    )
    actions = (".", "*.", "rpz-passthru.", "rpz-drop.", "rpz-tcp-only.", "other.example.")
    for owner in (*owners, ".".join(["y" * 60] * 4)):
        for action in actions:
            for middle in ("", "IN ", "60 "):
                line = f"{owner} {middle}CNAME {action}"
                follows = "\n TXT below\n"
                assert read(f"{head}{line} ; why{follows}", "rpz") == read(head + line + follows, "rpz")


def test_a_record_of_a_million_words_is_cut_off() -> None:
    items = read("a.test TXT (\n" + "word\n" * 2_000 + ")\nb.test CNAME .\n", "rpz")
    assert ["a record of more than 1,024 words"] == [item.why for item in items if isinstance(item, Skipped)]
    assert [b"\1b\4test\0"] == [item.name for item in items if isinstance(item, Entry)]


@pytest.mark.parametrize(
    ("written", "network"),
    [
        ("32.1.2.0.192", (b"\xc0\0\2\1", 32)),
        ("8.0.0.0.10", (b"\x0a\0\0\0", 8)),
        ("128.1.zz.db8.2001", (bytes.fromhex("20010db8") + bytes(11) + b"\1", 128)),
        ("128.zz", (bytes(16), 128)),
        ("64.zz.1.2.3.4", (bytes.fromhex("0004000300020001") + bytes(8), 64)),
        ("128.8.7.6.5.4.3.2.1", (bytes.fromhex("00010002000300040005000600070008"), 128)),
    ],
)
def test_an_address_stands_backwards_behind_its_prefix_length(written: str, network: tuple[bytes, int]) -> None:
    assert network == read_network(read_name(written))


@pytest.mark.parametrize(
    "written",
    [
        "32",
        "32.1.2.0",
        "0.0.0.0.0",
        "33.1.2.0.192",
        "24.1.2.0.192",
        "32.1.2.0.256",
        "32.\\255.2.0.192",
        "99999.1.2.0.192",
        "x.1.2.0.192",
        "129.zz",
        "128.zz.zz",
        "128.g.zz",
        "128.1.2.3",
        "128.zz.1.zz.2",
    ],
)
def test_what_is_no_address_of_rpz_is_refused(written: str) -> None:
    with pytest.raises(Unused):
        read_network(read_name(written))


# auto


MIXED = ("domains", "domains-unicode", "hosts-answers", "regex", "wildcards")
"""Cases made of lines of which most are wrong on purpose."""


@pytest.mark.parametrize("path", [path for path in CASES if path.stem not in MIXED], ids=lambda path: path.stem)
def test_the_format_of_the_corpus_is_found(path: Path) -> None:
    case = read_case(path)
    assert case.syntax == guess(open_text(case.text))


@pytest.mark.parametrize(
    ("written", "syntax"),
    [
        ("", "domains"),
        ("# only\n! comments\n", "domains"),
        ("a.example\nb.example\n", "domains"),
        ("*.a.example\n*.b.example\nc.example\n", "wildcards"),
        ("0.0.0.0 a.example\n0.0.0.0 b.example\n", "hosts"),
        ("127.0.0.1 localhost\n::1 localhost\n0.0.0.0 a.example b.example # why\n", "hosts"),
        ("[Adblock Plus]\na.example\n", "adblock"),
        ("a.example\nb.example\n@@||c.example^\n", "adblock"),
        ("address=/a.example/\n", "dnsmasq"),
        ("local=/a.example/\nserver=/b.example/\n", "dnsmasq"),
        ("$TTL 60\n@ SOA a. b. 1 2 3 4 5\na.example CNAME .\n", "rpz"),
        ("a.example CNAME .\n*.a.example CNAME .\n", "rpz"),
        (r"(^|\.)ads[0-9]*\." + "\n" + r"^track\.", "regex"),
        ("/ads/\n/track.*/\n", "regex"),
    ],
)
def test_the_format_is_found_by_its_lines(written: str, syntax: str) -> None:
    assert syntax == guess(written.encode())
    assert read(written, syntax) == read(written, "auto")


# Bounds, and data that is none


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (r"TYPE99999 \# 0", "not a record type"),
        (r"TYPE65280 \# x", "needs a length"),
        (r"TYPE65280 \# 3 abcdefgh", "not hexadecimal"),
        (r"TYPE65280 \# 2 abcdef", "another length"),
        ("TXT " + " ".join(['"' + "a" * 250 + '"'] * 12), "longer than 2,048"),
        ("TXT " + "a" * 256, "longer than 255"),
        ("MX ten mail.", "not a number"),
        ("MX 65536 mail.", "cannot be read"),
        (f"CNAME {'a.' * 120}", ""),
        (f"CNAME {'abcdefg.' * 31}rest", "longer than 255"),
        ("CNAME a..b.", "not a name"),
        ("CNAME straße.", "no certain form"),
        ("CNAME a. b.", "a word too few or too many"),
        ("HTTPS 1 . alpn=h2 alpn=h3", "twice"),
        ("HTTPS 1 . ech=%%%", "not base64"),
        ("HTTPS 1 . no-default-alpn=h2", "has no value"),
        ("HTTPS 1 . nonsense=1", "not known here"),
        ("HTTPS 1 . key65535=1", "not known here"),
        ("HTTPS 1 . ipv4hint=2001:db8::1", "not an address"),
        ("HTTPS 1", "a word too few or too many"),
        (f"CAA 0 {'t' * 300} x", "longer than 255"),
    ],
)
def test_record_data_that_is_none_is_reported(data: str, why: str) -> None:
    found = [
        item.why for item in read(f"$ORIGIN {'o' * 20}.example.\nx.test {data}\n", "rpz") if isinstance(item, Skipped)
    ]
    assert bool(why) == bool(found)
    assert all(why in reason for reason in found)


def test_no_more_records_of_one_owner_than_may_be() -> None:
    lines = "".join(f"a.test A 192.0.2.{number}\n" for number in range(66))
    entry, *_ = (item for item in read(lines, "rpz") if isinstance(item, Entry))
    assert 64 == len(entry.records)
    assert [65, 66] == [item.line for item in read(lines, "rpz") if isinstance(item, Skipped)]


def test_a_wildcard_that_allows_is_not_used_if_too_much_below_it_is_not_allowed() -> None:
    lines = "*.a.test CNAME rpz-passthru.\n" + "".join(f"n{number}.a.test CNAME .\n" for number in range(256))
    (skipped,) = (item for item in read(lines, "rpz") if isinstance(item, Skipped))
    assert (1, "allows all below a name of which more than 255 have other policies") == (skipped.line, skipped.why)


def test_adblock_takes_only_so_many_exceptions_of_rewrites() -> None:
    lines = (
        "".join(f"@@||n{number}.example^$dnsrewrite\n" for number in range(257)) + "||example^$dnsrewrite=192.0.2.1\n"
    )
    items = read(lines, "adblock")
    (entry,) = (item for item in items if isinstance(item, Entry))
    assert 256 == len(entry.excepted)
    assert [(257, "more than 256 rules @@…$dnsrewrite")] == [
        (item.line, item.why) for item in items if isinstance(item, Skipped)
    ]


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("||a.example^$denyallow=" + "|".join(f"n{number}.a.example" for number in range(256)), "more than 255 names"),
        ("||a.example^$Ünsinn", "a modifier: for browsers"),
        ("/bücher/", "letters outside ASCII in an expression"),
        ("||a\\b^", "not a mask for names"),
        ("bogus-nxdomain=nowhere", "not an address"),
    ],
)
def test_rules_beyond_what_is_understood_are_reported(rule: str, why: str) -> None:
    (skipped,) = read(rule, "dnsmasq" if rule.startswith("bogus") else "adblock")
    assert why in skipped.why


def test_a_rewrite_of_an_expression_is_not_done_for_names_that_take_it_back() -> None:
    lines = "/^ads/$dnsrewrite=192.0.2.1\n@@||ads.example^$dnsrewrite\n/^one/$dnsrewrite=REFUSED\n@@/^one/$dnsrewrite=NXDOMAIN\n"
    one, two, skipped = read(lines, "adblock")
    assert (b"\3ads\7example\0",) == one.excepted
    assert Saying.REFUSED is two.saying
    assert 4 == skipped.line
