"""Each long run writes its own part of docs/fuzz.md and no other's."""

from pathlib import Path

import pytest
from fuzz import recording

PAGE = "# Fuzzing\n\none\n\n## The last\n\n# Proofs\n\ntwo\n\n# Chains\n\nthree\n"


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("# Fuzzing\n\nnew\n", PAGE.replace("one\n\n## The last", "new")),
        ("# Proofs\n\nnew\n\n", PAGE.replace("two", "new")),
        ("# Chains\n\nnew\n", PAGE.replace("three", "new")),
        ("# Others\n\nnew\n", PAGE + "\n# Others\n\nnew\n"),
    ],
)
def test_a_part_goes_into_its_place(part: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "RECORD", tmp_path / "fuzz.md")
    recording.RECORD.write_text(PAGE)
    recording.write_part(part)
    assert expected == recording.RECORD.read_text()
