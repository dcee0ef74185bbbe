"""Leases as rows, and names that only the key opens."""

import pytest
from hypothesis import given
from hypothesis import strategies as some
from kit.leases import KEY, lease

from dhcp.record import COLUMNS, NoLease, lease_of, row_of
from dhcp.sealing import Seal, Unsealed
from dhcp.values import Kind, State

SEAL = Seal(KEY)
LEASES = [
    lease(1, name="toms-phone"),
    lease(2, state=State.QUARANTINED, renewals=3),
    lease(3, changing=True, identifier=b"\1\2\3\4\5\6\7"),
    lease(4, name="x" * 63),
    lease(5, kind=Kind.PREFIX6, address=b"\x20\1\x0d\xb8" + bytes(12), length=56, iaid=2**32 - 1, hardware=b""),
]


@pytest.mark.parametrize("in_clear", [False, True])
@pytest.mark.parametrize("one", LEASES)
def test_a_lease_comes_back_as_it_was(one: object, in_clear: bool) -> None:
    assert isinstance(one, type(LEASES[0]))
    assert one == lease_of(row_of(one, SEAL, in_clear), SEAL)


def test_a_row_has_no_name_in_it_unless_that_is_wanted() -> None:
    assert b"toms-phone" not in repr(row_of(LEASES[0], SEAL, False)).encode()
    assert b"toms-phone" in repr(row_of(LEASES[0], SEAL, True)).encode()


@pytest.mark.parametrize("column", range(len(COLUMNS)))
def test_a_change_in_any_column_is_seen(column: int) -> None:
    row = list(row_of(LEASES[0], SEAL, False))
    value = row[column]
    row[column] = value + 1 if isinstance(value, int) else value + type(value)(b"?" if value == b"" else value[:1])
    with pytest.raises(NoLease):
        lease_of(tuple(row), SEAL)


@pytest.mark.parametrize("wrong", [None, 1.5, "text", b"octets"])
def test_a_column_of_another_type_is_no_lease(wrong: object) -> None:
    row = row_of(LEASES[0], SEAL, False)
    with pytest.raises(NoLease):
        lease_of((wrong, *row[1:]), SEAL)


def test_a_state_that_nobody_knows_is_no_lease() -> None:
    row = row_of(lease(1)._replace(state=9), SEAL, False)  # type: ignore[arg-type]
    with pytest.raises(NoLease, match="9"):
        lease_of(row, SEAL)


def test_a_name_sealed_with_another_key_is_left_out_and_the_lease_stays() -> None:
    row = row_of(LEASES[0], Seal(bytes(32)), False)
    assert LEASES[0]._replace(name="") == lease_of(row, SEAL)


# The seal.


@given(some.binary(max_size=63), some.binary(min_size=1, max_size=17))
def test_what_is_sealed_can_be_opened_at_its_place_only(name: bytes, place: bytes) -> None:
    sealed = SEAL.seal(place, name)
    assert name == SEAL.open(place, sealed)
    with pytest.raises(Unsealed):
        SEAL.open(place + b"x", sealed)


@given(some.binary(max_size=63), some.integers(min_value=0))
def test_no_octet_of_a_seal_can_be_changed(name: bytes, at: int) -> None:
    sealed = bytearray(SEAL.seal(b"place", name))
    sealed[at % len(sealed)] ^= 1 + at % 255
    with pytest.raises(Unsealed):
        SEAL.open(b"place", bytes(sealed))


@pytest.mark.parametrize("damaged", [b"", bytes(16), bytes(17), bytes(47)])
def test_what_has_no_seal_s_length_is_none(damaged: bytes) -> None:
    with pytest.raises(Unsealed):
        SEAL.open(b"place", damaged)


def test_the_length_of_a_name_shows_in_steps_of_32() -> None:
    lengths = {len(SEAL.seal(b"place", bytes(length))) for length in range(64)}
    assert {16 + 32, 16 + 64} == lengths


def test_equal_names_at_different_places_have_nothing_in_common() -> None:
    one, other = SEAL.seal(b"one", b"printer"), SEAL.seal(b"two", b"printer")
    assert sum(a == b for a, b in zip(one, other, strict=True)) < 6


def test_what_is_no_label_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no label"):
        SEAL.seal(b"place", bytes(64))


def test_a_key_is_known_by_a_mark_of_its_own() -> None:
    assert Seal(KEY).mark == SEAL.mark != Seal(bytes(32)).mark
