"""The wheels that `pipx install .` would build, with a C compiler and without: they hold every room and data file, and run."""

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from kit.two_forms import there

from anchorhold.compiled import MODULES, VARIABLE
from net import h2_codecs, quic_codecs

ROOT = Path(__file__).parents[2]
ROOMS = ("anchorhold", "dhcp", "net", "privacy", "resolver", "wire")
WAYS = {"compiled": {VARIABLE: "require"}, "plain": {"CC": "/nonexistent"}}


@dataclass(frozen=True)
class Wheel:
    way: str
    path: Path
    said: str

    @property
    def names(self) -> list[str]:
        with zipfile.ZipFile(self.path) as archive:
            return archive.namelist()


def build(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    plain = {name: value for name, value in os.environ.items() if name != VARIABLE}
    return subprocess.run(command, cwd=ROOT, env=plain | environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module", params=WAYS)
def wheel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Wheel:
    if request.param == "compiled":
        there(MODULES[0])
    folder = tmp_path_factory.mktemp("wheel")
    done = build(folder, **WAYS[request.param])
    assert 0 == done.returncode, done.stderr
    (built,) = folder.glob("*.whl")
    return Wheel(request.param, built, done.stdout + done.stderr)


def test_the_name_says_for_whom_it_is_and_one_line_says_what_is_missing(wheel: Wheel) -> None:
    assert (wheel.way == "plain") == wheel.path.name.endswith("-py3-none-any.whl")
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    assert (wheel.way == "compiled") == (f"-{python}-{python}-" in wheel.path.name)
    line = "plain Python, nothing is compiled: the C compiler (/nonexistent) does not run: No such file or directory"
    assert (wheel.way == "plain") == (line in wheel.said)


def test_the_wheel_holds_every_module_of_the_tree(wheel: Wheel) -> None:
    ours = {path.relative_to(ROOT).as_posix() for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    assert ours - set(wheel.names) == set()


def test_the_wheel_holds_every_data_file(wheel: Wheel) -> None:
    data = {path.relative_to(ROOT).as_posix() for room in ROOMS for path in (ROOT / room).rglob("*.toml")}
    data |= {f"anchorhold/data/trust-anchors/{path.name}" for path in (ROOT / "trust-anchors").iterdir()}
    assert data - set(wheel.names) == set()
    assert data != set()


def test_the_wheel_holds_nothing_but_the_rooms_and_its_metadata(wheel: Wheel) -> None:
    tops = {name.split("/")[0] for name in wheel.names}
    assert {top for top in tops if not top.startswith("anchorhold-")} == set(ROOMS)


def test_the_wheel_gives_the_command(wheel: Wheel) -> None:
    assert any(name.endswith(".dist-info/entry_points.txt") for name in wheel.names)


def test_compiled_files_are_where_they_belong_and_nowhere_else(wheel: Wheel) -> None:
    modules = {Path(name).name.split(".cpython")[0] for name in wheel.names if name.endswith(".so")}
    assert modules == (set(MODULES) if wheel.way == "compiled" else set())
    assert not [name for name in wheel.names if name.endswith(".c")]


def test_what_is_in_it_runs(wheel: Wheel, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel.path) as archive:
        archive.extractall(tmp_path)
    wanted = "require" if wheel.way == "compiled" else "auto"
    environment = os.environ | {"PYTHONPATH": str(tmp_path), VARIABLE: wanted}
    form = f"compiled ({len(MODULES)} modules)" if wheel.way == "compiled" else "plain Python (not built)"
    command = [sys.executable, "-P", "-m", "anchorhold", "version", "--json", "--control", str(tmp_path / "none")]
    said = json.loads(subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, check=True).stdout)
    assert f"{form}, HTTP/2 by {h2_codecs.CODEC.value}, QUIC by {quic_codecs.CODEC.value}" == said["form"]
    code = (
        "import anchorhold, resolver.edge.listen.batched as batched, wire.dns.message as message\n"
        "read = message.parse_message(bytes.fromhex('00010100000100000000000003777777076578616d706c650000010001'))\n"
        "print(anchorhold.__file__, len(read.question), batched.batch.__name__)\n"
    )
    run = [sys.executable, "-P", "-c", code]
    there_, octets, batch = subprocess.run(
        run, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout.split()
    assert (str(tmp_path), "17") == (str(Path(there_).parents[1]), octets)
    assert f"resolver.edge.listen.{'batch' if wheel.way == 'compiled' else 'plain_batch'}" == batch


def test_who_requires_the_compiled_form_gets_no_wheel_without_it(tmp_path: Path) -> None:
    done = build(tmp_path, CC="/nonexistent", **{VARIABLE: "require"})
    assert (1, []) == (done.returncode, list(tmp_path.glob("*.whl")))
    assert "the C compiler (/nonexistent) does not run" in done.stderr


def test_who_wants_plain_python_gets_it_where_there_is_a_compiler(tmp_path: Path) -> None:
    assert 0 == build(tmp_path, **{VARIABLE: "pure"}).returncode
    (built,) = tmp_path.glob("*.whl")
    assert built.name.endswith("-py3-none-any.whl")
