"""Filters that are made before a process is copied."""

from dataclasses import replace

from kit.children import ended
from kit.profiles import FILTERED, LINUX

from anchorhold import sandbox, zygote
from anchorhold.accounts import CELLS
from anchorhold.sandbox import SandboxProfile, make_ready
from anchorhold.sandbox.profile import calls

pytestmark = LINUX


def test_the_filter_of_a_table_is_made_once_whatever_else_a_profile_says() -> None:
    profile = SandboxProfile("test", calls=calls("read", "exit_group"))
    made = sandbox._table_of(profile)
    make_ready(profile)
    ready = sandbox._table_of(replace(profile, name="other", memory=4_096))
    assert ready is sandbox._table_of(profile)
    assert made.program is not None
    assert ready.program is not None
    assert bytes(made.program.instructions) == bytes(ready.program.instructions)
    further = sandbox._table_of(replace(profile, calls=(*profile.calls, *calls("getpid"))))
    assert {"getpid"} == {rule.call for rule in further.rules} - {rule.call for rule in ready.rules}


def test_who_forks_cells_has_made_the_filters_of_all() -> None:
    def body() -> None:
        zygote.warm(*(f"anchorhold.cells.{name}" for name in CELLS))
        tables = sandbox._tables
        assert all(FILTERED[name].calls in tables for name in ("front", "front in batches", "resolver", *CELLS))
        assert FILTERED["resolver on uvloop"].calls in tables

    assert 0 == ended(body)
