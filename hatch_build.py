"""Builds the compiled form of a few modules, which is never required: a hook of hatchling, and for the tree itself a command.

    python hatch_build.py        into anchorhold/built, where it is not built yet of these sources

ANCHORHOLD_COMPILED=require fails where it cannot be built, auto (or nothing) goes on in plain Python and says why in one line,
pure builds nothing. CC names the compiler, CFLAGS adds to its flags. What is needed: Cython, a C compiler, Python's headers.
"""

import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).parent
FLAGS = ("-O2", "-fPIC", "-fwrapv", "-fno-strict-aliasing", "-DNDEBUG", "-w", "-shared", "-pthread")
TRANSLATE = ("-3", "-X", "annotation_typing=False", "-X", "boundscheck=True", "-X", "wraparound=True")
"""The types are those of the .pxd beside a module: an annotation says what is meant, not how many bits it has."""
PATIENCE = 600.0


def _compiled() -> ModuleType:
    """`anchorhold/compiled.py` by itself: the package needs not be installed, nor anything that it needs."""
    spec = importlib.util.spec_from_file_location("_anchorhold_compiled", HERE / "anchorhold/compiled.py")
    assert spec is not None  # it has a name that ends in .py
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # What it would load here is of no use.
    with _environment("pure"):
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    return module


@contextmanager
def _environment(wanted: str) -> Iterator[None]:
    before = os.environ.get("ANCHORHOLD_COMPILED")
    os.environ["ANCHORHOLD_COMPILED"] = wanted
    try:
        yield
    finally:
        if before is None:
            del os.environ["ANCHORHOLD_COMPILED"]
        else:
            os.environ["ANCHORHOLD_COMPILED"] = before


compiled = _compiled()


def build(into: Path) -> None:
    """Build what in `into` is not of these sources; what the tree has built before is taken from there. Raises NotCompiled."""
    if sys.platform != "linux":
        raise compiled.NotCompiled("it is for Linux")
    if importlib.util.find_spec("Cython") is None:
        raise compiled.NotCompiled("Cython is not installed")
    if _is_fresh(into):
        return
    into.parent.mkdir(parents=True, exist_ok=True)
    # Beside it, so that it comes there by a rename: whoever starts meanwhile finds all of the old or all of the new.
    with tempfile.TemporaryDirectory(prefix=f"{into.name}-", dir=into.parent) as folder:
        work = Path(folder)
        _put_in_place(_build_all(into, work), into, work / "old")


def _build_all(old: Path, work: Path) -> Path:
    """A folder with everything; what `old` has of these sources is taken from there."""
    made = _fingerprints()
    new = work / "new"
    new.mkdir()
    _try_compiler(work)
    with ThreadPoolExecutor(os.cpu_count()) as several:
        list(several.map(lambda module: _build_one(module, made[module], old, new), compiled.MODULES))
    if made != _fingerprints():
        raise compiled.NotCompiled("its sources changed meanwhile; build again")
    (new / compiled.MANIFEST).write_text(json.dumps(made, indent=1))
    return new


def _fingerprints() -> dict[str, str]:
    return {module: compiled.fingerprint(module, HERE) for module in compiled.MODULES}


def _put_in_place(new: Path, into: Path, old: Path) -> None:
    """Between two renames there is nothing, which is plain Python. Who runs on the old files keeps them."""
    with suppress(FileNotFoundError):
        into.rename(old)
    try:
        new.rename(into)
    except OSError as error:
        if not _is_fresh(into):  # of another build at the same time, which may be of other sources
            raise compiled.NotCompiled(f"{into} cannot be put in place: {error.strerror}; build again") from None


def _is_fresh(into: Path) -> bool:
    try:
        compiled.check(into, HERE)
    except compiled.NotCompiled:
        return False
    return True


def _build_one(module: str, made: str, old: Path, new: Path) -> None:
    for folder in (old, compiled.FOLDER):
        if compiled.told(folder).get(module) == made and compiled.file_of(module, folder).exists():
            shutil.copy(compiled.file_of(module, folder), new)
            return
    source = new.parent / f"{module}.c"
    name = ("--module-name", module, "-o", str(source), str(compiled.source_of(module, HERE)))
    _run([sys.executable, "-m", "cython", *TRANSLATE, *name], "Cython")
    _compile(source, compiled.file_of(module, new))


def _try_compiler(work: Path) -> None:
    source = work / "try.c"
    source.write_text("#include <Python.h>\n")
    _compile(source, work / "try.so")


def _compile(source: Path, target: Path) -> None:
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    flags = (*FLAGS, *shlex.split(os.environ.get("CFLAGS", "")), f"-I{sysconfig.get_paths()['include']}")
    _run([*compiler, *flags, str(source), "-o", str(target)], "the C compiler")


def _run(command: list[str], what: str) -> None:
    try:
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except OSError as error:
        raise compiled.NotCompiled(f"{what} ({command[0]}) does not run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise compiled.NotCompiled(f"{what} takes longer than {PATIENCE} seconds") from None
    if done.returncode:
        line = next((line for line in done.stderr.splitlines() if "error" in line.lower()), "it says nothing")
        raise compiled.NotCompiled(f"{what} fails: {line.strip()}")


def attempt(into: Path) -> str:
    """Build as the environment wants it; why there is nothing to load, or "". Raises NotCompiled where that must not be, and
    ValueError for a wish that is none."""
    wanted = compiled.choice(os.environ)
    if wanted is compiled.Choice.PURE:
        return f"{compiled.VARIABLE}={wanted.value}"
    try:
        build(into)
    except compiled.NotCompiled as error:
        if wanted is compiled.Choice.REQUIRE:
            raise
        return str(error)
    return ""


class CompiledHook(BuildHookInterface):  # type: ignore[type-arg] # its own type is of no use here
    """A wheel with the compiled form for this Python and machine, or one of plain Python for all."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Before the files are gathered."""
        self._folder = tempfile.TemporaryDirectory()
        into = compiled.FOLDER if version == "editable" else Path(self._folder.name, "built")
        why = attempt(into)
        if why:
            self.app.display_warning(f"anchorhold: plain Python, nothing is compiled: {why}")
        elif version != "editable":
            build_data |= {"pure_python": False, "infer_tag": True}
            build_data["force_include"] |= {str(path): f"anchorhold/built/{path.name}" for path in into.iterdir()}

    def finalize(self, _version: str, _build_data: dict[str, Any], _artifact: str) -> None:
        """When the wheel is written."""
        self._folder.cleanup()


def main() -> int:
    """Build into the tree."""
    try:
        why = attempt(compiled.FOLDER)
    except (compiled.NotCompiled, ValueError) as error:
        print(f"set-up: the compiled modules cannot be built: {error}", file=sys.stderr)
        return 1
    if why:
        print(f"set-up: plain Python, nothing is compiled: {why}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
