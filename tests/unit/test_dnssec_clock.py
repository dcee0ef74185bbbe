"""When the clock is believed, which names are servers of time, and what holds while it is not."""

from dataclasses import replace

import pytest
from kit.signing import DATE, DAY, EXPIRATION, INCEPTION, Signer
from kit.toytree import Port, Tree
from kit.world import play

from resolver.dnssec.anchors import NegativeAnchor
from resolver.dnssec.budget import Validation
from resolver.dnssec.clock import LOCAL_TIME, WRONG_CLOCK, Doubting, Turn, Undated, WallClock, is_time_source
from resolver.dnssec.memory import TrustMemory
from resolver.dnssec.security import Checked, Security
from resolver.dnssec.signature import UNDATED
from resolver.dnssec.validate import Claim, Validator
from resolver.iterate.resolve import Resolved
from resolver.iterate.verdict import Positive
from wire.dns.codes import ExtendedError, RecordType
from wire.dns.names import read_name
from wire.units import Epoch

LONG_AGO = Epoch(0.0)
SHOP = frozenset((read_name("shop.example."),))
A, DS, TXT = (int(RecordType[kind]) for kind in ("A", "DS", "TXT"))


@pytest.mark.parametrize(
    ("shown", "turns", "wrong"),
    [
        ((DATE,), (None,), False),
        ((DATE - 1,), (Turn.LOST,), True),
        ((0, 5, DATE - 1), (Turn.LOST, None, None), True),
        ((0, DATE, DATE + 1), (Turn.LOST, Turn.FOUND, None), False),
        ((DATE + 9, DATE + 3), (None, None), False),
        ((DATE + 9, DATE - 1, DATE), (None, Turn.LOST, Turn.FOUND), False),
    ],
)
def test_a_clock_is_wrong_as_long_as_it_shows_a_date_that_is_over(
    shown: tuple[float, ...], turns: tuple[Turn | None, ...], wrong: bool
) -> None:
    wall = WallClock()
    wall.not_before(DATE)
    assert (turns, wrong) == (tuple(wall.look(Epoch(one)) for one in shown), wall.wrong)
    assert max(DATE, shown[-1]) == wall.date(Epoch(shown[-1]))


def test_the_floor_only_rises_and_what_the_clock_has_shown_counts_less() -> None:
    wall = WallClock()
    wall.not_before(DATE)
    wall.not_before(LONG_AGO)
    wall.has_shown(Epoch(DATE + LOCAL_TIME))
    assert DATE == wall.floor
    wall.has_shown(Epoch(DATE + DAY + LOCAL_TIME))
    assert DATE + DAY == wall.floor


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shop.example.", True),
        ("2.debian.shop.example.", True),
        ("workshop.example.", False),
        ("example.", False),
        (".", False),
    ],
)
def test_a_server_of_time_is_at_or_below_a_name_that_is_listed(name: str, expected: bool) -> None:
    assert expected == is_time_source(read_name(name) if name != "." else b"\0", SHOP)


# What holds while the date is not known.


def expired() -> Tree:
    """Everything was signed a year before, for eleven days."""
    tree = Tree().build()
    for signed in tree.signed.values():
        signer = signed.signer
        signed.resign(replace(signer, inception=INCEPTION - 365 * DAY, expiration=EXPIRATION - 365 * DAY))
    return tree


def undated(tree: Tree, name: str, rrtype: int = A, sources: frozenset[bytes] = SHOP) -> Checked:
    return checked_by(Undated(tree.anchors(), sources), tree, name, rrtype)


def checked_by(checker: Undated | Doubting, tree: Tree, name: str, rrtype: int = A) -> Checked:
    async def check() -> Checked:
        wire = read_name(name)
        found = await tree.resolve(wire, rrtype, name)
        assert isinstance(found, Resolved)
        return await checker.check(Claim(wire, rrtype, found, Port(tree), Validation()))

    return play(check())


def test_signatures_of_a_server_of_time_count_whatever_their_times_say_and_nothing_is_kept_of_it() -> None:
    tree = expired()
    tree.date = LONG_AGO
    found = undated(tree, "www.shop.example.")
    assert (Security.INSECURE, (), 0, True) == (found.security, found.learned, found.valid, found.undated)
    assert isinstance(found.resolved.end, Positive)
    assert UNDATED == found.resolved.end.rrset.ttl
    assert {b"\xc0\0\2P", b"\xc0\0\2Q"} == set(found.resolved.end.rrset.rdatas)


@pytest.mark.parametrize(
    "name", ["alias.shop.example.", "away.shop.example.", "x.old.shop.example.", "y.wild.shop.example."]
)
def test_aliases_and_wildcards_of_servers_of_time_count_too(name: str) -> None:
    assert Security.INSECURE is undated(expired(), name).security


def test_that_there_is_no_such_server_is_proved_without_the_date_too() -> None:
    found = undated(expired(), "missing.shop.example.")
    assert (Security.INSECURE, ()) == (found.security, found.learned)


def test_a_forged_signature_of_a_server_of_time_is_refused() -> None:
    tree = expired()
    tree.signed["shop.example."].resign(Signer("shop.example.", seed=2))
    assert Security.BOGUS is undated(tree, "www.shop.example.").security


def test_an_unsigned_server_of_time_in_a_signed_zone_is_refused() -> None:
    tree = expired()
    for node in tree.zone("shop.example.").nodes.values():
        node.rdatasets = [r for r in node.rdatasets if r.rdtype != RecordType.RRSIG]
    assert Security.BOGUS is undated(tree, "www.shop.example.").security


def test_a_server_of_time_in_an_unsigned_zone_is_proved_to_be_there() -> None:
    found = undated(expired(), "www.plain.example.", sources=frozenset((read_name("plain.example."),)))
    assert (Security.INSECURE, True) == (found.security, found.undated)


def test_other_names_do_not_hold_even_where_their_signatures_would() -> None:
    tree = Tree().build()
    judge = Undated(tree.anchors(), SHOP)
    assert not judge.answers(read_name("www.bank.org."), A, DATE)
    found = checked_by(judge, tree, "www.bank.org.")
    assert (Security.INDETERMINATE, WRONG_CLOCK) == (found.security, found.explanation)


def test_zones_that_are_not_validated_are_answered_but_their_aliases_into_others_are_not() -> None:
    tree = Tree().build()
    tree.negative = (NegativeAnchor(read_name("plain.example."), "ours"),)
    judge = Undated(tree.anchors(), frozenset())
    assert judge.answers(read_name("www.plain.example."), A, DATE)
    # The DS is the parent's word.
    assert not judge.answers(read_name("plain.example."), DS, DATE)
    assert Security.INSECURE is checked_by(judge, tree, "www.plain.example.").security
    found = checked_by(judge, tree, "back.plain.example.")
    assert (Security.INDETERMINATE, WRONG_CLOCK) == (found.security, found.explanation)


def test_a_zone_that_was_not_validated_until_a_date_that_is_over_is() -> None:
    tree = Tree().build()
    tree.negative = (NegativeAnchor(read_name("plain.example."), "ours", Epoch(DATE - 1)),)
    judge = Undated(tree.anchors(), frozenset())
    assert (True, False) == tuple(judge.answers(read_name("www.plain.example."), A, Epoch(d)) for d in (DATE - 2, DATE))


# What the root has signed later than the clock shows.


def doubting(tree: Tree, wall: WallClock) -> Doubting:
    return Doubting(Validator(tree.anchors(), TrustMemory()), wall)


def test_a_clock_behind_what_the_root_has_signed_is_wrong() -> None:
    tree, wall = Tree().build(), WallClock()
    tree.date = Epoch(INCEPTION - 3 * DAY)
    found = checked_by(doubting(tree, wall), tree, "www.shop.example.")
    assert found.explanation is not None
    assert (Security.BOGUS, ExtendedError.SIGNATURE_NOT_YET_VALID) == (found.security, found.explanation.code)
    assert (INCEPTION, Turn.LOST) == (wall.floor, wall.look(tree.date))


def test_what_another_zone_has_signed_for_the_future_says_nothing_of_the_clock() -> None:
    tree, wall = Tree().build(), WallClock()
    ahead = Signer("shop.example.", inception=int(DATE) + 5 * DAY)
    tree.signed["shop.example."].resign(ahead)
    found = checked_by(doubting(tree, wall), tree, "www.shop.example.")
    assert found.explanation is not None
    assert ExtendedError.SIGNATURE_NOT_YET_VALID == found.explanation.code
    assert (DATE, None) == (wall.floor, wall.look(tree.date))


def test_the_roots_keys_signed_for_the_future_say_nothing_of_the_clock() -> None:
    """IANA publishes those of the next months."""
    tree, wall = Tree().build(), WallClock()
    later = {"inception": int(DATE) + 30 * DAY, "expiration": int(DATE) + 50 * DAY}
    _sign_keys(tree, replace(tree.signed["."].signer, **later))
    found = checked_by(doubting(tree, wall), tree, "www.shop.example.")
    assert found.explanation is not None
    assert (ExtendedError.SIGNATURE_NOT_YET_VALID, DATE) == (found.explanation.code, wall.floor)


def _sign_keys(tree: Tree, signer: Signer) -> None:
    """The root's DNSKEY RRset anew, and nothing else."""
    import dns.rdataset
    import dns.rrset
    from kit.authority import IN, RRSIG
    from kit.signed import DNSKEY

    root = tree.zone(".")
    node = root.nodes[root.origin]
    keys = node.get_rdataset(IN, DNSKEY)
    assert keys is not None
    node.delete_rdataset(IN, RRSIG, DNSKEY)
    signature = dns.rdataset.Rdataset(IN, RRSIG, DNSKEY, keys.ttl)
    signature.add(signer.sign(dns.rrset.from_rdata_list(root.origin, keys.ttl, list(keys))))
    node.rdatasets.append(signature)


def test_a_forged_signature_of_the_root_for_the_future_says_nothing_of_the_clock() -> None:
    tree, wall = Tree().build(), WallClock()
    honest = tree.signed["."].signer
    tree.signed["."].resign(replace(honest, inception=int(DATE) + 5 * DAY))
    for node in tree.zone(".").nodes.values():
        for rdataset in (r for r in node.rdatasets if r.rdtype == RecordType.RRSIG):
            (signature,) = rdataset
            rdataset.clear()
            rdataset.add(signature.replace(signature=bytes(len(signature.signature))))
    _sign_keys(tree, honest)
    found = checked_by(doubting(tree, wall), tree, "www.shop.example.")
    assert found.explanation is not None
    assert ExtendedError.SIGNATURE_NOT_YET_VALID == found.explanation.code
    assert (DATE, None) == (wall.floor, wall.look(DATE))


def test_the_clock_is_doubted_once_a_minute_only() -> None:
    tree, wall = Tree().build(), WallClock()
    tree.signed["shop.example."].resign(Signer("shop.example.", inception=int(DATE) + 5 * DAY))
    counts = []
    for seconds in (0, 1, 60):
        tree.internet.advance(seconds)
        before = len(tree.asked)
        checked_by(doubting(tree, wall), tree, "www.shop.example.")
        counts.append(len(tree.asked) - before)
    once = counts[1]
    assert once > 0
    assert [2 * once, once, 2 * once] == counts
