"""What must be true of the tree as a whole: the documents' paths exist, the lock names nobody, no foreign names."""

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = {"anchorhold", "dhcp", "net", "privacy", "resolver", "wire"}
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def tracked() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in listing.stdout.splitlines() if (ROOT / line).is_file()]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_pins_every_package_by_hash_and_names_no_index(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    pins = re.findall(r"^[a-z0-9][\w.\[\]-]*==", text, re.MULTILINE | re.IGNORECASE)
    hashed = re.findall(r"^[a-z0-9][\w.\[\]-]*==[^\n]*\\\n\s+--hash=sha256:", text, re.MULTILINE | re.IGNORECASE)
    assert len(pins) == len(hashed) > 0
    assert re.findall(r"^\s*-(?!-hash)", text, re.MULTILINE) == []


def test_no_package_registry_is_addressed_anywhere() -> None:
    """Spelled in pieces, so that this file does not find itself."""
    hosts = [
        "pypi" + ".org",
        "pythonhosted" + ".org",
        "registry." + "npmjs",
        "crates" + ".io",
        "proxy." + "golang",
        "deb." + "debian",
    ]
    found = []
    for path in tracked():
        text = path.read_bytes()
        found += [f"{path.relative_to(ROOT)}: {host}" for host in hosts if host.encode() in text]
    assert found == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.relative_to(ROOT).as_posix())
def test_every_path_a_document_names_exists(document: Path) -> None:
    text = document.read_text()
    spans = re.findall(r"`([\w./-]+/[\w./-]*)`", text)
    tops = {entry.name for entry in ROOT.iterdir()}
    missing = [s for s in spans if s.split("/")[0] in tops and not (ROOT / s).exists() and "NNNN" not in s]
    links = [target.split("#")[0] for target in re.findall(r"\]\((?!http|#|mailto)([^)\s]+)\)", text)]
    missing += [link for link in links if link and not (document.parent / link).exists()]
    assert missing == []


def test_every_benchmark_is_in_the_table_of_the_lab() -> None:
    rows = [line for line in (ROOT / "docs" / "lab.md").read_text().splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(bench_\w+\.py)`", row.split("|")[1])}
    assert named == {path.name for path in (ROOT / "benchmarks").glob("bench_*.py")}


def test_no_file_beside_a_program_hides_a_module_of_the_standard_library() -> None:
    """Of a program that is run by its path the first folder to look in is its own."""
    folders = [ROOT / "benchmarks", *(path for path in (ROOT / "tests").iterdir() if path.is_dir())]
    files = [path for folder in folders for path in folder.glob("*.py") if path.stem in sys.stdlib_module_names]
    assert [] == [path.relative_to(ROOT).as_posix() for path in files]


def test_no_installed_distribution_ships_a_room_of_ours() -> None:
    """`resolver` and `net` are old names elsewhere; one of them in site-packages would shadow ours."""
    owners: dict[str, set[str]] = {}
    for name, distributions in metadata.packages_distributions().items():
        if name in ROOMS:
            owners[name] = {d.lower() for d in distributions} - {"anchorhold"}
    assert {name: others for name, others in owners.items() if others} == {}


def test_every_decision_has_the_same_three_parts() -> None:
    for record in sorted((ROOT / "docs/decisions").glob("[0-9]*.md")):
        text = record.read_text()
        assert all(f"## {part}" in text for part in ("Context", "Decision", "Consequences")), record.name


RULES = [line.split("|") for line in (ROOT / "docs/rfc.md").read_text().splitlines() if "::" in line]


@pytest.mark.parametrize("row", RULES, ids=lambda row: row[1].strip() + row[2][:40])
def test_every_rule_points_at_a_module_and_a_test_that_exist(row: list[str]) -> None:
    module, place = row[3].strip(" `"), row[4].strip(" `")
    path, _, name = place.partition("::")
    assert (ROOT / module).is_file()
    assert re.search(rf"def {name}\(", (ROOT / path).read_text())
