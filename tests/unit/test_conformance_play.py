"""What `make conformance` says where there is nothing to play, and how it reads its own document."""

from pathlib import Path

import pytest
from conformance import play


def test_without_the_scenarios_it_says_so_and_succeeds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(play, "TOOLS", tmp_path / "tools")
    assert play.main([]) == 0
    assert "nothing to play" in capsys.readouterr().out


def test_failures_are_explained_in_the_document_s_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    document = tmp_path / "conformance.md"
    document.write_text(
        "## Failures\n\n| scenario | why |\n| --- | --- |\n| `unbound/x` | decided |\n\n## Skipped\n| `y` |\n"
    )
    monkeypatch.setattr(play, "DOCUMENT", document)
    assert play.explanations() == {"unbound/x"}
