"""Regular expressions of lists: what they match, what they may cost."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.lists import patterns
from privacy.lists.compile import Source, compile_image
from privacy.lists.entry import Entry, Saying, Skipped, Trigger
from privacy.lists.matcher import ListImage
from privacy.lists.patterns import MAX_ALL_INSTRUCTIONS, MAX_INSTRUCTIONS, MAX_LENGTH, MAX_PATTERNS, PatternSet, measure
from wire.dns.names import read_name
from wire.errors import Malformed

SOME = ("^ads?[0-9]*\\.", "track(er|ing)", "\\.example$", "^[^.]+$", "x{2,3}", "(^|\\.)a\\.b$", "b.*a", "^$")


@settings(max_examples=200, deadline=None)
@given(
    chosen=st.lists(st.sampled_from(SOME), min_size=1, max_size=5),
    labels=st.lists(st.sampled_from(("ads", "a", "b", "tracking", "example", "xxx", "ad12")), max_size=4),
)
def test_it_finds_what_the_standard_library_finds(chosen: list[str], labels: list[str]) -> None:
    text = ".".join(labels)
    expected = [place for place, pattern in enumerate(chosen) if re.search(pattern, text)]
    assert expected == PatternSet(chosen).matches(read_name(text))


def test_letter_case_does_not_count() -> None:
    assert [0] == PatternSet(["^ADS\\."]).matches(read_name("ads.example"))


def test_octets_that_are_no_characters_are_seen_escaped() -> None:
    assert [0] == PatternSet(["^a\\\\000b$"]).matches(b"\3a\0b\0")


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(?=ads)", "no look-around"),
        ("(a)\\1", "no back reference"),
        ("(", "missing )"),
        ("bücher", "xn--"),
        ("a" * (MAX_LENGTH + 1), f"more than {MAX_LENGTH} characters"),
        ("(" + "[a-z]{1,1000}" * 3 + ")", f"of at most {MAX_INSTRUCTIONS}"),
        ("a{2000}", "repetition"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(pattern: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        measure(pattern)
    item = Entry(Trigger.PATTERN, Saying.BLOCK, 7, pattern=pattern)
    result = compile_image([Source("x", bytes(32), [item])])
    (skipped,) = result.skipped[0]
    assert isinstance(skipped, Skipped)
    assert (7, True) == (skipped.line, words in skipped.why)
    assert (0, 1) == (result.lists[0].patterns, result.lists[0].skipped)


def test_what_they_cost_together_is_told() -> None:
    items = [Entry(Trigger.PATTERN, Saying.BLOCK, line, pattern="a" * line) for line in range(1, 11)]
    result = compile_image([Source("x", bytes(32), items)])
    assert (10, 0) == (result.lists[0].patterns, result.lists[0].skipped)
    assert result.instructions == sum(measure("a" * line) for line in range(1, 11))
    assert result.dear == (tuple((measure("a" * line), line) for line in range(10, 5, -1)),)


def test_number_and_instructions_of_all_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("privacy.lists.compile.MAX_PATTERNS", 3)
    items = [Entry(Trigger.PATTERN, Saying.BLOCK, line, pattern=f"a{line}") for line in range(1, 6)]
    result = compile_image([Source("x", bytes(32), items)])
    assert (3, 2) == (result.lists[0].patterns, result.lists[0].skipped)
    assert [1, 2, 3] == [
        hit.line for n in (1, 2, 3) for hit in ListImage(result.image).name_hits(read_name(f"a{n}"), 1)
    ]
    monkeypatch.setattr("privacy.lists.compile.MAX_ALL_INSTRUCTIONS", measure("a1"))
    assert 1 == compile_image([Source("x", bytes(32), items)]).lists[0].patterns


@pytest.mark.parametrize("pattern", ["a[b-z]{1,40}", "("])
def test_a_flood_of_patterns_is_not_measured_to_its_end(monkeypatch: pytest.MonkeyPatch, pattern: str) -> None:
    """Else a list that somebody broke into would keep all lists from being compiled."""
    seen: list[str] = []

    def counted(text: str) -> int:
        seen.append(text)
        return measure(text)

    monkeypatch.setattr("privacy.lists.compile.measure", counted)
    monkeypatch.setattr("privacy.lists.compile.MAX_ALL_INSTRUCTIONS", 50)
    monkeypatch.setattr("privacy.lists.compile.MAX_MEASURED", 10 * MAX_INSTRUCTIONS)
    items = [Entry(Trigger.PATTERN, Saying.BLOCK, line, pattern=pattern) for line in range(1, 2_001)]
    result = compile_image([Source("x", bytes(32), items)])
    assert len(seen) < 1_000
    assert result.lists[0].skipped + result.lists[0].patterns == 2_000
    assert "more regular expressions than are looked at" in result.skipped[0][-1].why


def test_an_image_with_more_than_its_bound_is_refused() -> None:
    with pytest.raises(Malformed):
        PatternSet(["a"] * (MAX_PATTERNS + 1))
    with pytest.raises(Malformed):
        PatternSet(["("])


def test_running_out_of_memory_is_not_taken_for_no_match(monkeypatch: pytest.MonkeyPatch) -> None:
    dear = [f"{letter}.{{200,250}}{letter}" for letter in "abcdefgh"]
    name = read_name(".".join(["abcdefgh" * 7] * 4))
    assert PatternSet(dear).matches(name)
    for memory in range(18, 25):
        monkeypatch.setattr(patterns, "MAX_MEMORY", 1 << memory)
        try:
            assert PatternSet(dear).matches(name) == list(range(8))
        except Malformed:
            continue
        break
    else:
        pytest.fail("never enough memory")
    assert memory > 18


def test_the_worst_name_for_the_worst_patterns_ends_soon() -> None:
    """A hundred patterns whose states double with every octet; by backtracking they would not end."""
    dear = [f"({letter}|{letter}{letter})*{other}.{{100}}$" for letter in "abcdefghij" for other in "klmnopqrst"]
    asked = PatternSet(dear)
    name = read_name(".".join(["abcdefghijklmnopqrst" * 3] * 4))
    began = time.process_time()
    asked.matches(name)
    assert time.process_time() - began < 1


@pytest.mark.parametrize("form", ["{0}.*{1}.*{2}", "({0}|{0}{1})*{1}.{{1,100}}{0}$", "{0}{1}{2}", "[{0}{1}]{{40}}{2}"])
def test_as_many_as_the_bounds_let_through_compile_and_are_asked(form: str) -> None:
    letters = "abcdefghijklmnop"
    texts = [form.format(one, other, number) for number in range(8) for one in letters for other in letters]
    items = [Entry(Trigger.PATTERN, Saying.BLOCK, line + 1, pattern=text) for line, text in enumerate(texts)]
    result = compile_image([Source("x", bytes(32), items)])
    used = result.lists[0].patterns
    assert used + result.lists[0].skipped == len(texts)
    assert used == MAX_PATTERNS or result.instructions > MAX_ALL_INSTRUCTIONS * 0.9
    names = ("abcdefgh" * 7, "ab0", "xx")
    text = ".".join(names)
    found = {hit.pattern for hit in ListImage(result.image).name_hits(read_name(text), 1)}
    assert found == {one for one in texts[:used] if re2_finds(one, text)}


def re2_finds(pattern: str, text: str) -> bool:
    """One alone."""
    return PatternSet([pattern]).matches(read_name(text)) == [0]
