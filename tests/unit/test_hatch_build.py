"""The build of the compiled form: whatever stops it, what lies in its folder and what is said of it fit. No compiler runs."""

import importlib.util
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Workshop:
    """A tree of sources, a folder for what is built, and compilers that give the source itself; `seen` are the states of the
    folder while they work."""

    def __init__(self, place: Path, patch: pytest.MonkeyPatch) -> None:
        self.hook, self.tree, self.built = hook(), place / "tree", place / "built"
        self.compiled = self.hook.compiled
        self.seen: list[dict[str, bytes]] = []
        self.before_compiling: Callable[[Path], None] = lambda _: None
        for module in self.compiled.MODULES:
            self.source(module).parent.mkdir(parents=True, exist_ok=True)
            self.source(module).write_text(f"{module}, the first\n")
        patch.setattr(self.hook, "HERE", self.tree)
        patch.setattr(self.compiled, "FOLDER", self.built)
        patch.setattr(self.hook.importlib.util, "find_spec", lambda _: True)
        patch.setattr(self.hook, "_run", self.run)

    def source(self, module: str) -> Path:
        return self.tree / Path(*module.split(".")).with_suffix(".py")

    def run(self, command: list[str], what: str) -> None:
        target = Path(command[command.index("-o") + 1])
        self.seen.append(self.files())
        if what == "Cython":
            target.write_bytes((self.tree / command[-1]).read_bytes())
        else:
            source = next(Path(word) for word in command if word.endswith(".c"))
            self.before_compiling(source)
            target.write_bytes(source.read_bytes())

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.built.iterdir()} if self.built.exists() else {}

    def build(self) -> None:
        self.hook.build(self.built)

    def fits(self) -> None:
        """Every object is of the source that there is, and all is said to be."""
        self.compiled.check(self.built, self.tree)
        for module in self.compiled.MODULES:
            assert self.source(module).read_bytes() == self.compiled.file_of(module, self.built).read_bytes()
        assert len(self.compiled.MODULES) + 1 == len(self.files())


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    made = Workshop(tmp_path, monkeypatch)
    made.build()
    made.fits()
    made.seen.clear()
    return made


def change(workshop: Workshop) -> None:
    for module in workshop.compiled.MODULES:
        workshop.source(module).write_text(f"{module}, the second\n")


def test_while_it_builds_all_that_was_there_stays(workshop: Workshop) -> None:
    before = workshop.files()
    change(workshop)
    workshop.build()
    workshop.fits()
    assert len(workshop.seen) > len(workshop.compiled.MODULES)
    assert all(before == one for one in workshop.seen)


def test_it_comes_whole_and_there_is_nothing_before(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    before, change_of_names, seen = workshop.files(), Path.rename, []

    def rename(path: Path, target: Path) -> Path:
        moved = change_of_names(path, target)
        seen.append(workshop.files())
        return moved

    change(workshop)
    monkeypatch.setattr(Path, "rename", rename)
    workshop.build()
    assert [{}, workshop.files()] == seen
    assert before.keys() == workshop.files().keys()
    workshop.fits()


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_a_build_that_is_broken_off_leaves_what_was(workshop: Workshop, error: type[BaseException]) -> None:
    """The sources may come back to what they were: then it is taken again."""
    before = workshop.files()

    def stop(source: Path) -> None:
        if source.stem == workshop.compiled.MODULES[-1]:
            raise error

    change(workshop)
    workshop.before_compiling = stop
    with pytest.raises(error):
        workshop.build()
    assert before == workshop.files()
    assert ["built", "tree"] == sorted(os.listdir(workshop.built.parent))


def test_sources_that_change_meanwhile_are_not_said_to_be_built(workshop: Workshop) -> None:
    before = workshop.files()

    def edit(source: Path) -> None:
        if source.stem == workshop.compiled.MODULES[0]:
            workshop.source(source.stem).write_text("the third\n")

    change(workshop)
    workshop.before_compiling = edit
    with pytest.raises(workshop.compiled.NotCompiled, match="changed meanwhile"):
        workshop.build()
    assert before == workshop.files()
    workshop.build()
    workshop.fits()


def test_what_is_of_these_sources_is_not_built_again(workshop: Workshop) -> None:
    last = workshop.compiled.MODULES[-1]
    workshop.source(last).write_text("the second\n")
    workshop.build()
    workshop.fits()
    assert 3 == len(workshop.seen)  # whether there is a compiler, and this module's two steps
    workshop.build()
    assert 3 == len(workshop.seen)


def test_objects_for_another_python_do_not_stay_beside_what_is_said_of_these(workshop: Workshop) -> None:
    """It would be said of them too."""
    module = workshop.compiled.MODULES[0]
    (workshop.built / f"{module}.cpython-399-none.so").write_text("of the first sources")
    change(workshop)
    workshop.build()
    workshop.fits()


def test_another_build_at_the_same_time_is_no_harm(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """It puts its own there when the old has just gone: of the same sources, or of others."""
    rename, other = Path.rename, workshop.built.parent / "other"
    other.mkdir()

    def be_quicker(path: Path, target: Path) -> Path:
        if path.name == "new" and other.exists():
            rename(other, target)
        return rename(path, target)

    change(workshop)
    for module in workshop.compiled.MODULES:
        workshop.compiled.file_of(module, other).write_bytes(workshop.source(module).read_bytes())
    said = {module: workshop.compiled.fingerprint(module, workshop.tree) for module in workshop.compiled.MODULES}
    (other / workshop.compiled.MANIFEST).write_text(json.dumps(said))
    monkeypatch.setattr(Path, "rename", be_quicker)
    workshop.build()
    workshop.fits()
    other.mkdir()
    (other / workshop.compiled.MANIFEST).write_text("{}")
    workshop.source(workshop.compiled.MODULES[0]).write_text("the third\n")
    with pytest.raises(workshop.compiled.NotCompiled, match="build again"):
        workshop.build()
