"""What the supervisor imports for its cells, before it forks them: then they are there at once, and share the pages."""

import gc
import os
import sys
from collections.abc import Iterable
from importlib import import_module

from anchorhold.cells.heap import fill_holes
from anchorhold.mistakes import hush
from anchorhold.sandbox import SandboxProfile, make_ready, pages, preload
from anchorhold.snapshot import learn

_USUAL = gc.get_threshold()
YOUNG = 5_000
"""Objects made since the last look for garbage: in few, holes are small, and what is imported next fills them."""
NEVER = 1_000_000
"""Looks for young garbage until what stayed is looked through again: more than there are."""


def begin() -> None:
    """Before the first import: garbage of imports is looked for among what is young, each object once. Of what would be found
    later, each copy would fill the holes for itself."""
    # Cells read time zones that the loader gave them. To find out where others lie, Python would recall how it was built.
    os.environ["PYTHONTZPATH"] = ""
    gc.set_threshold(YOUNG, NEVER)


def cold(modules: Iterable[str]) -> tuple[str, ...]:
    """Those that nobody has imported."""
    return tuple(module for module in modules if module not in sys.modules)


def warm(*modules: str) -> None:
    """Import these cells, and what they name in LAZY because it would be imported at its first use; learn how their SETTINGS are
    read, make the filters of their profiles, and call `warm`, where a cell has it, for what else is the same in all its lives."""
    preload()
    hush()
    for name in modules:
        module = import_module(name)
        preload(*getattr(module, "LAZY", ()))
        if kind := getattr(module, "SETTINGS", None):
            learn(kind)
        for profile in vars(module).values():
            if isinstance(profile, SandboxProfile):
                make_ready(profile)
        getattr(module, "warm", _nothing)()


def _nothing() -> None:
    """Most have no more."""


def freeze() -> None:
    """After the last: nothing of it is looked through again, here or in a copy, for that would write to every page. Python
    remembers attributes that it looked up, with counts on their names: each copy would forget those of the imports one by one,
    and write to a page somewhere for each."""
    sys._clear_type_cache()
    pages.look_up()
    fill_holes()
    gc.freeze()
    gc.set_threshold(*_USUAL)
