"""Take every defence of validation away, one after the other, and see its test fail: `python tests/attacks/undefended.py`, with
`--record` also into docs/threats.md. Works on copies of the tree."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs/threats.md"
sys.path.insert(0, str(Path(__file__).parent))

from defences import COST, PROOF, Defence  # noqa: E402

ROOMS = ("resolver", "wire", "privacy", "net", "anchorhold", "trust-anchors", "tests", "deploy", "pyproject.toml")


def fails_without(defence: Defence) -> bool:
    """Whether its test passes as things are, and fails when the defence has gone."""
    with tempfile.TemporaryDirectory() as where:
        copy = Path(where)
        for room in ROOMS:
            source = ROOT / room
            skip = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, copy / room, ignore=skip) if source.is_dir() else shutil.copy(source, copy / room)
        if not passes(copy, defence.test):
            return False
        file = copy / defence.file
        file.write_text(file.read_text().replace(defence.code, defence.instead))
        return not passes(copy, defence.test)


def passes(tree: Path, test: str) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", test]
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    code = subprocess.run(command, cwd=tree, env=environment, capture_output=True, check=False).returncode
    if code not in (0, 1):
        raise SystemExit(f"pytest ended with {code}: is there a test {test}?")
    return code == 0


def rows(defences: tuple[Defence, ...]) -> Iterator[str]:
    for defence in defences:
        path, _, test = defence.test.partition("::")
        yield f"| {defence.attack} | `{defence.file}` | `{Path(path).name}` {test.replace('_', ' ')} |"


def table() -> str:
    """What docs/threats.md has."""
    return "\n".join(
        ("| attack | defence in | test that fails without it |", "| --- | --- | --- |", *rows((*COST, *PROOF)))
    )


def main() -> int:
    chosen = [d for d in (*COST, *PROOF) if not sys.argv[1:] or sys.argv[1:] == ["--record"] or sys.argv[1] in d.attack]
    useless = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for defence, fails in zip(chosen, pool.map(fails_without, chosen), strict=True):
            useless += not fails
            print("fails without" if fails else "NOT SHOWN    ", defence.attack, flush=True)
    print(f"{len(chosen)} defences, {useless} that no test shows")
    if not useless and "--record" in sys.argv:
        text, document = table(), DOCUMENT.read_text()
        start = document.index(text.splitlines()[0])
        DOCUMENT.write_text(document[:start] + text + document[document.index("\n\n", start) :])
    return 1 if useless else 0


if __name__ == "__main__":
    sys.exit(main())
