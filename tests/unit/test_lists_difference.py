"""What came and what went between two texts of a list."""

from privacy.lists.difference import MAX_SHOWN, Difference, compare
from privacy.lists.entry import Entry, Saying, Scope, Skipped, Trigger

ADS, TRACK, MORE = b"\3ads\7example\0", b"\5track\7example\0", b"\4more\7example\0"


def test_what_moved_to_another_line_did_not_change() -> None:
    old = [(1, ADS, Scope.TREE), (2, TRACK, Scope.TREE), Skipped(3, "why")]
    new = [(1, MORE, Scope.TREE), (8, TRACK, Scope.TREE), Entry(Trigger.NAME, Saying.BLOCK, 9, ADS, Scope.TREE)]
    assert Difference(1, 0, (1,), ()) == compare(old, new)
    assert Difference(0, 1, (), (1,)) == compare(new, old)


def test_another_meaning_for_the_same_name_is_a_change() -> None:
    old = [(1, ADS, Scope.TREE), Entry(Trigger.NAME, Saying.BLOCK, 2, TRACK, types=(1,))]
    new = [(1, ADS, Scope.EXACT), Entry(Trigger.NAME, Saying.BLOCK, 2, TRACK, types=(1,), important=True)]
    assert Difference(2, 2, (1, 2), (1, 2)) == compare(old, new)


def test_all_are_counted_and_some_are_shown() -> None:
    new = [(line, b"\6n%05d\0" % line, Scope.TREE) for line in range(1, 3_001)]
    found = compare([], new)
    assert (3_000, 0, MAX_SHOWN) == (found.count_added, found.count_removed, len(found.added))
