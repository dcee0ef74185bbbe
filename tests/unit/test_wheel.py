"""The wheel that `pipx install .` would build holds every room and every data file."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("anchorhold", "dhcp", "net", "privacy", "resolver", "wire")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True)
    (built,) = folder.glob("*.whl")
    assert built.name.endswith("-py3-none-any.whl")
    return zipfile.ZipFile(built).namelist()


def test_the_wheel_holds_every_module_of_the_tree(wheel: list[str]) -> None:
    ours = {path.relative_to(ROOT).as_posix() for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    assert ours - set(wheel) == set()


def test_the_wheel_holds_every_data_file(wheel: list[str]) -> None:
    data = {path.relative_to(ROOT).as_posix() for room in ROOMS for path in (ROOT / room).rglob("*.toml")}
    data |= {f"anchorhold/data/trust-anchors/{path.name}" for path in (ROOT / "trust-anchors").iterdir()}
    assert data - set(wheel) == set()
    assert data != set()


def test_the_wheel_holds_nothing_but_the_rooms_and_its_metadata(wheel: list[str]) -> None:
    tops = {name.split("/")[0] for name in wheel}
    assert {top for top in tops if not top.startswith("anchorhold-")} == set(ROOMS)


def test_the_wheel_gives_the_command(wheel: list[str]) -> None:
    assert any(name.endswith(".dist-info/entry_points.txt") for name in wheel)
