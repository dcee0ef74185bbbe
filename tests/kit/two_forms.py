"""The compiled form of the modules beside the plain one, in one process: every room of ours is imported a second time."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from kit.peers import lacking

from anchorhold import compiled

OURS = ("anchorhold", "dhcp", "kit", "net", "privacy", "resolver", "wire")


class World:
    """Modules that know nothing of those that were imported otherwise."""

    def __init__(self) -> None:
        self._modules: dict[str, ModuleType] = {}
        compiled.check()
        with self._entered():
            compiled.load()

    def module(self, name: str) -> Any:
        """The module of this world."""
        with self._entered():
            return import_module(name)

    @contextmanager
    def _entered(self) -> Iterator[None]:
        others = _take()
        sys.modules.update(self._modules)
        try:
            yield
        finally:
            self._modules = _take()
            sys.modules.update(others)


def _take() -> dict[str, ModuleType]:
    found = {name: module for name, module in sys.modules.items() if name.split(".")[0] in OURS}
    for name in found:
        del sys.modules[name]
    return found


@cache
def compiled_world() -> World:
    """That in which the modules are compiled; a module can be loaded in that form once in a process. Raises NotCompiled."""
    return World()


@cache
def there(name: str) -> Any:
    """The module called so, compiled or of those that import what is. Without a compiled form: see `lacking`."""
    try:
        return compiled_world().module(name)
    except compiled.NotCompiled as error:
        lacking(f"the compiled modules are not there ({error}); with a C compiler: python hatch_build.py")


def outcome(call: Callable[..., object], *arguments: object) -> tuple[str, str]:
    """What came of it, or what was raised, in words that are the same in both worlds."""
    try:
        return "gives", repr(call(*arguments))
    except Exception as error:
        return type(error).__name__, str(error)
