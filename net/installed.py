"""Which of two libraries does a job: the one that is always there, or a faster one where a version that fits is installed."""

import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from types import ModuleType
from typing import Generic, NamedTuple, TypeVar

C = TypeVar("C", bound=Enum)

AUTO = "auto"
"""The wish for whatever is best, as no wish at all is."""


@contextmanager
def stand_ins(instead: Mapping[str, Mapping[str, object] | None]) -> Iterator[None]:
    """Few names stand in for these modules while somebody is imported who asks for them and needs no more; None: it goes without.
    Whoever wants the real ones later gets them; where they are in memory already, they are what is found now, too."""
    absent = [name for name in instead if name not in sys.modules]
    for name in absent:
        sys.modules[name] = _stand_in(name, instead[name])  # type: ignore[assignment]  # None is one that cannot be found
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


def _stand_in(name: str, values: Mapping[str, object] | None) -> ModuleType | None:
    if values is None:
        return None
    module = ModuleType(name)
    vars(module).update(values)
    return module


class Choice(NamedTuple, Generic[C]):
    """`plain` and `fast` are named as their packages. `variable` of the environment names the one that is wanted; a version of
    `fast` fits that begins with `fit`; `extra` of this package installs it."""

    variable: str
    plain: C
    fast: C
    fit: str
    extra: str

    def lacks(self) -> str:
        """Why the fast one cannot be used; nothing if it can."""
        name = self.fast.value
        try:
            version = importlib.import_module(name).__version__
        except ImportError:
            return f"{name} is not installed: pip install anchorhold[{self.extra}]"
        if version.startswith(self.fit):
            return ""
        return f"{name} is of version {version}, not {self.fit}*: pip install anchorhold[{self.extra}]"

    def choose(self, environment: Mapping[str, str]) -> C:
        """The one that is wanted and there. Raises ValueError with what to do."""
        wanted = environment.get(self.variable, "")
        if wanted == self.plain.value:
            return self.plain
        if wanted not in ("", AUTO, self.fast.value):
            raise ValueError(f"{self.variable} is {wanted!r}: it must be {self.plain.value} or {self.fast.value}")
        lack = self.lacks()
        if wanted == self.fast.value and lack:
            raise ValueError(f"{self.variable} is {wanted}, but {lack}")
        return self.plain if lack else self.fast

    def choose_gently(self, environment: Mapping[str, str]) -> tuple[C, str]:
        """The same; what is wrong with the wish is told beside the plain one."""
        try:
            return self.choose(environment), ""
        except ValueError as error:
            return self.plain, str(error)
