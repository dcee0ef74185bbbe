"""`dataclass` as in the standard library, with little of each class in memory: there are hundreds, in every process.

Of a frozen class with slots that one keeps two: the first, without slots, is held by the two methods that refuse. And it writes
those, and what shows a value, anew for each class. Here all classes have the same, so the first one is garbage. What makes,
compares and hashes a value is the standard library's.
"""

import dataclasses
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls=None, /, *, frozen=False, repr=True, **options):
        """See dataclasses.dataclass."""

        def make(cls):
            shown = repr and "__repr__" not in vars(cls)
            made = dataclasses.dataclass(frozen=frozen, repr=False, **options)(cls)
            if frozen:
                made.__setattr__, made.__delattr__ = _refuse_value, _refuse_removal
            if shown:
                made.__repr__ = _show
            return made

        return make if cls is None else make(cls)


def _refuse_value(self: object, name: str, value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_removal(self: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


@recursive_repr("...")
def _show(self: Any) -> str:
    values = (f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self) if field.repr)
    return f"{type(self).__qualname__}({', '.join(values)})"
