"""`wire/dataclass.py` beside the standard library's."""

import dataclasses
import gc
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from wire.dataclass import dataclass

Make = Callable[..., Any]
BOTH = pytest.mark.parametrize("make", [dataclasses.dataclass, dataclass], ids=["theirs", "ours"])


def pair(make: Make, **options: bool) -> type:
    class Pair:
        """Two."""

        FIRST: ClassVar = 1
        left: int
        right: list[int] = dataclasses.field(default_factory=list, compare=False)
        hidden: str = dataclasses.field(default="secret", repr=False)

    return make(**options)(Pair)  # type: ignore[no-any-return]


@BOTH
def test_a_frozen_value_refuses_every_change(make: Make) -> None:
    value = pair(make, frozen=True, slots=True)(1)
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'left'"):
        value.left = 2
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'left'"):
        del value.left
    assert value.left == 1


@BOTH
def test_values_are_compared_hashed_shown_and_made_alike(make: Make) -> None:
    kind = pair(make, frozen=True, slots=True)
    value, again, other = kind(1, [2]), kind(1, [3]), kind(2, [2])
    assert (value == again, value == other, hash(value) == hash(again)) == (True, False, True)
    assert repr(value) == f"{kind.__qualname__}(left=1, right=[2])"
    assert (kind.__match_args__, kind.__slots__) == (("left", "right", "hidden"),) * 2  # type: ignore[attr-defined]
    assert dataclasses.replace(value, left=2) == other
    assert dataclasses.asdict(value) == {"left": 1, "right": [2], "hidden": "secret"}


@BOTH
def test_what_is_not_frozen_is_changed(make: Make) -> None:
    value = pair(make, slots=True)(1)
    value.left = 2
    assert (value.left, hasattr(value, "__dict__")) == (2, False)


@BOTH
def test_without_options_or_brackets(make: Make) -> None:
    @make
    class One:
        left: int

    assert repr(One(1)).endswith(".One(left=1)")
    assert One(1) == One(1)


@BOTH
def test_how_a_class_shows_itself_is_its_own_matter(make: Make) -> None:
    @make(frozen=True, slots=True)
    class Spoken:
        left: int

        def __repr__(self) -> str:
            return "spoken"

    @make(frozen=True, slots=True, repr=False)
    class Silent:
        left: int

    assert repr(Spoken(1)) == "spoken"
    assert "left" not in repr(Silent(1))


@BOTH
def test_a_value_in_itself_is_shown(make: Make) -> None:
    value = pair(make)(1)
    value.right.append(value)
    assert repr(value).endswith("(left=1, right=[...])")


def test_of_a_frozen_class_with_slots_there_is_one() -> None:
    kind = pair(dataclass, frozen=True, slots=True)
    gc.collect()
    assert [one for one in object.__subclasses__() if one.__qualname__ == kind.__qualname__] == [kind]
    assert kind.__setattr__ is pair(dataclass, frozen=True, slots=True).__setattr__
