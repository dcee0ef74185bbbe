"""The table of defences stays true: what it would take away is there, once. That its tests fail then is shown by
`tests/attacks/undefended.py`."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _defences() -> list[tuple[str, str]]:
    place = importlib.util.spec_from_file_location("defences", Path(__file__).with_name("defences.py"))
    assert place is not None
    assert place.loader is not None
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    return [(d.file, d.code) for d in (*module.COST, *module.PROOF)]


@pytest.mark.parametrize(("file", "code"), _defences())
def test_a_defence_is_where_the_table_says(file: str, code: str) -> None:
    assert (ROOT / file).read_text().count(code) == 1
