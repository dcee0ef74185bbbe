"""Every case of the corpus of lists: each question has the verdict that is written beside it, each unused line its reason."""

from pathlib import Path

import pytest
from kit.listed import CASES, ask, compile_case, read_case

from privacy.lists.formats import FORMATS
from privacy.lists.matcher import ListImage

every = pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)


@every
def test_a_list_says_what_is_written_beside_it(path: Path) -> None:
    case = read_case(path)
    image = ListImage(compile_case(case).image)
    assert case.questions == {question: ask(image, question) for question in case.questions}


@every
def test_each_line_that_is_not_used_has_its_reason_and_no_other_is_reported(path: Path) -> None:
    case = read_case(path)
    (skipped,) = compile_case(case).skipped
    told = sorted((one.line, one.why) for one in skipped)
    assert sorted(line for line, _ in case.skipped) == [line for line, _ in told]
    for (_, expected), (_, why) in zip(sorted(case.skipped), told, strict=True):
        assert expected in why


def test_every_format_has_a_case() -> None:
    assert set(FORMATS) <= {path.stem.partition("-")[0] for path in CASES}
