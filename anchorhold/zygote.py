"""What the supervisor imports for its cells, before it forks them: then they are there at once, and share the pages."""

import gc
from importlib import import_module

from anchorhold.sandbox import preload


def begin() -> None:
    """Before the first import: what is collected in between leaves holes that every copy would fill for itself."""
    gc.disable()


def warm(*modules: str) -> None:
    """Import what these cells need."""
    preload()
    for module in modules:
        import_module(module)


def freeze() -> None:
    """After the last: nothing of it is looked through again, here or in a copy, for that would write to every page."""
    gc.collect()
    gc.freeze()
    gc.enable()
