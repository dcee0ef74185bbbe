"""Which of two forms the same few modules run in: plain Python, which is the reference and always works, or compiled.

The compiled form lies in one folder beside this file, made by `hatch_build.py`, and is loaded only if it was made of the very
sources that lie in the tree. All of it is loaded or none, before any of those modules is imported. Imports the standard library
only: the build reads this file by itself.
"""

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path

MODULES = (
    "wire.dns.names",
    "wire.dns.message",
    "wire.dns.peek",
    "resolver.cache.packets",
    "resolver.edge.listen.batch",
)
"""What is compiled; what others import stands first. The plain form of the last is `resolver/edge/listen/plain_batch.py`."""

VARIABLE = "ANCHORHOLD_COMPILED"
"""In the environment, at build and at run time: one of `Choice`; nothing is AUTO."""

ROOT = Path(__file__).parents[1]
FOLDER = Path(__file__).parent / "built"
MANIFEST = "manifest.json"
RECIPE = b"1"
"""Changed when the same sources are to be compiled otherwise."""


class Choice(Enum):
    """Which form is wanted."""

    REQUIRE = "require"
    """The compiled one, or it does not start (is not built)."""
    AUTO = "auto"
    """The compiled one where there is one."""
    PURE = "pure"
    """Plain Python."""


@dataclass(frozen=True, slots=True)
class Form:
    """The form this process runs in."""

    compiled: bool
    why: str = ""
    """Why not compiled."""
    refused: bool = False
    """The process was to be compiled or not to start, or the wish is none."""

    def __str__(self) -> str:
        return f"compiled ({len(MODULES)} modules)" if self.compiled else f"plain Python ({self.why})"


class NotCompiled(Exception):
    """The compiled form is not there or not fit; the text says why."""


def choice(environment: Mapping[str, str]) -> Choice:
    """What the environment wants. Raises ValueError with what to do."""
    wanted = environment.get(VARIABLE) or Choice.AUTO.value
    try:
        return Choice(wanted)
    except ValueError:
        raise ValueError(f"{VARIABLE} is {wanted!r}: it must be require, auto or pure") from None


def source_of(module: str, root: Path = ROOT) -> Path:
    """The file that a module is compiled from, below `root`."""
    plain = Path(*module.split(".")).with_suffix(".py")
    return plain if (root / plain).exists() else plain.with_suffix(".pyx")


def fingerprint(module: str, root: Path = ROOT) -> str:
    """SHA-256 of what it is compiled from: its source, what all say to the compiler of their types, and how. Raises OSError."""
    found = hashlib.sha256(RECIPE + (root / source_of(module, root)).read_bytes())
    for other in MODULES:
        types = (root / source_of(other, root)).with_suffix(".pxd")
        if types.exists():
            found.update(types.read_bytes())
    return found.hexdigest()


def file_of(module: str, folder: Path = FOLDER) -> Path:
    """Where its compiled form is, for this Python and machine."""
    return folder / f"{module}{EXTENSION_SUFFIXES[0]}"


def told(folder: Path = FOLDER) -> dict[str, str]:
    """What the files of the folder were made of: fingerprints by module; nothing if there is none that can be read."""
    try:
        said = json.loads((folder / MANIFEST).read_text())
    except (OSError, ValueError):
        return {}
    return {str(name): str(value) for name, value in said.items()} if isinstance(said, dict) else {}


def check(folder: Path = FOLDER, root: Path = ROOT) -> None:
    """Raises NotCompiled unless everything is there, for this Python, and made of these sources."""
    known = told(folder)
    if not known:
        raise NotCompiled("not built")
    for module in MODULES:
        if not file_of(module, folder).exists():
            raise NotCompiled("not built for this Python")
        if known.get(module) != fingerprint(module, root):
            raise NotCompiled(f"{source_of(module, root)} changed since; build again")


class _Finder:
    """Finds the compiled form of `MODULES`, and nothing else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        """As importlib asks."""
        if name not in MODULES:
            return None
        path = str(file_of(name, self._folder))
        return spec_from_file_location(name, path, loader=ExtensionFileLoader(name, path))


def load(folder: Path = FOLDER, known: Mapping[str, str] | None = None) -> None:
    """Import all in their compiled form. Raises NotCompiled, and then none is: also where the folder does not tell `known` any
    more (None: what it tells now), for it was put in place anew meanwhile, and some may be of the one and some of the other."""
    early = [name for name in MODULES if name in sys.modules]
    if early:
        raise NotCompiled(f"{early[0]} was imported before")
    known = told(folder) if known is None else known
    before, finder = set(sys.modules), _Finder(folder)
    sys.meta_path.insert(0, finder)
    try:
        for name in MODULES:
            import_module(name)
        if told(folder) != known:
            raise ImportError("they were built anew while they were loaded")
    except ImportError as error:
        for name in set(sys.modules) - before:
            del sys.modules[name]
        raise NotCompiled(str(error)) from None
    finally:
        sys.meta_path.remove(finder)


def choose(environment: Mapping[str, str], folder: Path = FOLDER) -> Form:
    """The form that is wanted and possible; when it is the compiled one, it is loaded."""
    try:
        wanted = choice(environment)
    except ValueError as error:
        return Form(False, str(error), refused=True)
    if wanted is Choice.PURE:
        return Form(False, f"{VARIABLE}={wanted.value}")
    try:
        known = told(folder)
        check(folder)
        load(folder, known)
    except (NotCompiled, OSError) as error:
        if wanted is Choice.REQUIRE:
            return Form(False, f"{error}; {VARIABLE}={Choice.AUTO.value} runs in plain Python then", refused=True)
        return Form(False, str(error))
    return Form(True)


FORM = choose(os.environ)
"""That of this process and of all that it forks."""
