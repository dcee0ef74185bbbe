"""RFC 5011 with a fake date: the table, whole rollovers with real signatures, and what must not move anything."""

import itertools
from dataclasses import replace

import pytest
from kit.keyset import ENTRY, REVOKED, ROOT, SPAN, TTL, ZONE, keyset, signer
from kit.keyset import record as of
from kit.signing import DATE, rrset_of

from resolver.dnssec.rollover import (
    DAY,
    HOLD_DOWN,
    HOUR,
    LONGEST_PAUSE,
    MOST_KEYS,
    TABLE,
    Change,
    Event,
    KeyState,
    Source,
    TrackedKey,
    TrustPoint,
    advance,
    changes,
    failed,
    plant,
    refresh_time,
    replant,
    retry_time,
)
from resolver.dnssec.sighting import NONE_IN_FORCE, OnlyRevoked, Seen, Unsigned, look
from wire.dns.signing import DelegationSigner, Key
from wire.units import Epoch

_ST, _EV = KeyState, Event


A, B, C = of(1), of(2), of(3)
GIVEN = plant(ROOT, (A,), DATE)


def after(point: TrustPoint, date: float, members: dict[int, int], by: dict[int, int], ttl: int = TTL) -> TrustPoint:
    """`point` after an RRset of these keys (seed → flags) was seen."""
    rrset = keyset(members, by, date, ttl)
    sighting = look(ROOT, rrset, point.records, Epoch(date))
    return failed(point, Epoch(date)) if isinstance(sighting, Unsigned) else advance(point, sighting, Epoch(date))


def key(seed: int, flags: int = ENTRY) -> Key:
    return signer(seed, flags, DATE).key


def states(point: TrustPoint) -> dict[DelegationSigner, KeyState]:
    return {key.record: key.state for key in point.keys}


def date_of(day: float) -> float:
    return DATE + day * DAY


# The table.

CELLS = {
    (_ST.START, _EV.NEW_KEY): _ST.ADD_PENDING,
    (_ST.ADD_PENDING, _EV.ABSENT): _ST.START,
    (_ST.ADD_PENDING, _EV.ADD_TIME): _ST.VALID,
    (_ST.VALID, _EV.ABSENT): _ST.MISSING,
    (_ST.VALID, _EV.REVOKED): _ST.REVOKED,
    (_ST.MISSING, _EV.PRESENT): _ST.VALID,
    (_ST.MISSING, _EV.REVOKED): _ST.REVOKED,
    (_ST.REVOKED, _EV.REMOVE_TIME): _ST.REMOVED,
}
"""RFC 5011 §4.1, written down a second time."""

KEPT = [state for state in KeyState if state is not _ST.START]


def shows(state: KeyState, event: Event) -> tuple[TrackedKey, Seen | OnlyRevoked]:
    """A key in `state`, and what makes `event` happen to it and no other."""
    found = key(1)
    waited = HOLD_DOWN if event in (_EV.ADD_TIME, _EV.REMOVE_TIME) else 0
    seen = Seen((), (), (), TTL, SPAN)
    match event:
        case _EV.REVOKED:
            seen = replace(seen, with_revoke_bit=(found,), revoked=(A,))
        case _EV.PRESENT | _EV.ADD_TIME | _EV.NEW_KEY:
            seen = replace(seen, keys=(found,))
    return TrackedKey(A, state, DATE, held=waited), seen


@pytest.mark.parametrize(("state", "event"), list(itertools.product(KEPT, Event)), ids=lambda value: value.name.lower())
def test_every_cell_of_the_table_of_4_1(state: KeyState, event: Event) -> None:
    key, sighting = shows(state, event)
    expected = CELLS.get((state, event), state)
    if (state, event) == (_ST.ADD_PENDING, _EV.REVOKED):
        expected = _ST.START  # seen only with the REVOKE bit, so not there as itself
    if (state, event) == (_ST.ADD_PENDING, _EV.REMOVE_TIME):
        expected = _ST.START  # absent, whatever was waited for
    if state is _ST.VALID and event is _EV.REMOVE_TIME:
        expected = _ST.MISSING
    if state is _ST.MISSING and event in (_EV.ADD_TIME, _EV.NEW_KEY):
        expected = _ST.VALID  # it is there
    point = advance(TrustPoint(ROOT, (key,)), sighting, DATE)
    assert expected == states(point).get(A, _ST.START)


def test_the_table_is_that_of_the_rfc() -> None:
    assert CELLS == TABLE


def test_a_new_key_comes_from_start() -> None:
    point = advance(TrustPoint(ROOT, ()), Seen((key(1),), (), (), TTL, DAY), DATE)
    assert {A: _ST.ADD_PENDING} == states(point)


# Rollovers.


def test_a_whole_rollover_from_one_key_to_the_next() -> None:
    point = after(GIVEN, date_of(0), {1: ENTRY, 9: ZONE}, by={1: ENTRY})
    assert {A: _ST.VALID} == states(point)
    for day in range(1, 31):
        point = after(point, date_of(day), {1: ENTRY, 2: ENTRY}, by={1: ENTRY})
        assert {A: _ST.VALID, B: _ST.ADD_PENDING} == states(point), day
    point = after(point, date_of(31), {1: ENTRY, 2: ENTRY}, by={1: ENTRY})
    assert ({A: _ST.VALID, B: _ST.VALID}, (A, B)) == (states(point), point.records)
    # The zone signs with the new key, and then without the old one.
    point = after(point, date_of(40), {1: ENTRY, 2: ENTRY}, by={2: ENTRY})
    point = after(point, date_of(50), {1: REVOKED, 2: ENTRY}, by={1: REVOKED, 2: ENTRY})
    assert ({A: _ST.REVOKED, B: _ST.VALID}, (B,)) == (states(point), point.records)
    for day in range(55, 80, 5):
        point = after(point, date_of(day), {2: ENTRY}, by={2: ENTRY})
        assert _ST.REVOKED is states(point)[A], day
    point = after(point, date_of(80), {2: ENTRY}, by={2: ENTRY})
    assert {A: _ST.REMOVED, B: _ST.VALID} == states(point)
    # And for ever: neither by the zone nor by whoever gives anchors.
    point = after(point, date_of(81), {1: ENTRY, 2: ENTRY}, by={2: ENTRY})
    assert _ST.REMOVED is states(replant(point, (A, B), DATE))[A]


def test_the_old_key_alone_cannot_speak_for_the_zone_any_more_once_revoked() -> None:
    point = after(plant(ROOT, (A, B), DATE), date_of(0), {1: REVOKED, 2: ENTRY}, by={1: REVOKED, 2: ENTRY})
    assert (B,) == point.records
    later = after(point, date_of(1), {1: ENTRY, 2: ENTRY, 3: ENTRY}, by={1: ENTRY})
    assert states(point) == states(later)


def test_a_key_that_vanishes_while_it_is_pending_starts_over() -> None:
    point = GIVEN
    for day in range(26):
        point = after(point, date_of(day), {1: ENTRY, 2: ENTRY}, by={1: ENTRY})
    point = after(point, date_of(26), {1: ENTRY}, by={1: ENTRY})
    assert {A: _ST.VALID} == states(point)
    for day in range(27, 57):
        point = after(point, date_of(day), {1: ENTRY, 2: ENTRY}, by={1: ENTRY})
        assert _ST.ADD_PENDING is states(point)[B], day
    assert _ST.VALID is states(after(point, date_of(57), {1: ENTRY, 2: ENTRY}, by={1: ENTRY}))[B]


def test_a_pending_key_that_shows_its_revoke_bit_is_dropped_and_not_taken_up_again() -> None:
    point = after(GIVEN, date_of(0), {1: ENTRY, 2: ENTRY}, by={1: ENTRY})
    for day in range(1, 60):
        point = after(point, date_of(day), {1: ENTRY, 2: REVOKED}, by={1: ENTRY, 2: REVOKED})
        assert {A: _ST.VALID} == states(point)


def test_a_missing_key_is_still_believed_and_may_come_back() -> None:
    point = plant(ROOT, (A, B), DATE)
    point = after(point, date_of(1), {2: ENTRY}, by={2: ENTRY})
    assert ({A: _ST.MISSING, B: _ST.VALID}, (A, B)) == (states(point), point.records)
    point = after(point, date_of(400), {1: ENTRY}, by={1: ENTRY})
    assert {A: _ST.VALID, B: _ST.MISSING} == states(point)


def test_a_missing_key_can_still_be_revoked() -> None:
    point = after(plant(ROOT, (A, B), DATE), date_of(1), {2: ENTRY}, by={2: ENTRY})
    point = after(point, date_of(2), {1: REVOKED, 2: ENTRY}, by={1: REVOKED, 2: ENTRY})
    assert {A: _ST.REVOKED, B: _ST.VALID} == states(point)


# Revocation.


def test_a_revocation_needs_no_signature_but_its_own() -> None:
    point = after(plant(ROOT, (A, B), DATE), date_of(1), {1: REVOKED, 3: ENTRY}, by={1: REVOKED})
    # Nothing else of that RRset is believed.
    assert {A: _ST.REVOKED, B: _ST.VALID} == states(point)
    assert point.looked == 0.0


def test_the_revoke_bit_without_the_keys_own_signature_revokes_nothing() -> None:
    point = after(plant(ROOT, (A, B), DATE), date_of(1), {1: REVOKED, 2: ENTRY}, by={2: ENTRY})
    assert {A: _ST.MISSING, B: _ST.VALID} == states(point)


def test_a_signature_from_before_the_revocation_revokes_nothing() -> None:
    """The key signs the RRset, but not as the key that it shows with the bit."""
    members = {1: REVOKED, 2: ENTRY}
    records = [signer(seed, flags, DATE).dnskey.to_text() for seed, flags in members.items()]
    forged = signer(1, ENTRY, DATE).sign(rrset_of(*(f". {TTL} DNSKEY {text}" for text in records)))
    rrset = keyset(members, {2: ENTRY}, DATE)
    rrset = rrset._replace(signatures=(forged.to_wire(), *rrset.signatures))
    sighting = look(ROOT, rrset, (A, B), DATE)
    assert isinstance(sighting, Seen)
    assert () == sighting.revoked


def test_a_zone_whose_keys_are_all_revoked_is_no_trust_point_any_more() -> None:
    point = after(GIVEN, date_of(1), {1: REVOKED}, by={1: REVOKED})
    assert ({A: _ST.REVOKED}, ()) == (states(point), point.records)
    again = after(point, date_of(2), {1: ENTRY}, by={1: ENTRY})
    assert () == again.records
    assert NONE_IN_FORCE == look(ROOT, keyset({1: ENTRY}, {1: ENTRY}, DATE), point.records, DATE)


def test_a_revoked_key_that_stays_in_the_zone_is_not_forgotten() -> None:
    point = after(plant(ROOT, (A, B), DATE), date_of(0), {1: REVOKED, 2: ENTRY}, by={1: REVOKED, 2: ENTRY})
    for day in range(5, 100, 5):
        point = after(point, date_of(day), {1: REVOKED, 2: ENTRY}, by={1: REVOKED, 2: ENTRY})
        assert _ST.REVOKED is states(point)[A]


# What must not move anything.


def test_an_attackers_key_that_no_believed_key_has_signed_is_not_even_seen() -> None:
    for by in ({3: ENTRY}, {}):
        point = after(GIVEN, date_of(1), {1: ENTRY, 3: ENTRY}, by=by)
        assert states(GIVEN) == states(point)
        assert point.looked == 0.0


def test_a_key_that_is_pending_cannot_vouch_for_others_nor_for_itself() -> None:
    point = after(GIVEN, date_of(0), {1: ENTRY, 2: ENTRY}, by={1: ENTRY})
    later = after(point, date_of(1), {2: ENTRY, 3: ENTRY}, by={2: ENTRY})
    assert states(point) == states(later)


def test_keys_without_the_sep_bit_or_of_an_unknown_algorithm_are_not_followed() -> None:
    unknown = Key(ENTRY, 3, 99, b"key", 5, b"\1\1\3\x63key")
    seen = Seen((key(1), key(2, ZONE), unknown), (), (), TTL, SPAN)
    assert {A: _ST.VALID} == states(advance(GIVEN, seen, DATE))


def test_another_zones_rrset_another_type_and_too_many_keys_show_nothing() -> None:
    good = keyset({1: ENTRY}, {1: ENTRY}, DATE)
    many = tuple(number.to_bytes(70, "big") for number in range(65))
    for rrset in (
        good._replace(owner=b"\7example\0"),
        good._replace(rrtype=1),
        good._replace(rdatas=(*good.rdatas, *many)),
        good._replace(signatures=()),
    ):
        assert isinstance(look(ROOT, rrset, (A,), DATE), Unsigned)


def test_an_expired_signature_shows_nothing() -> None:
    rrset = keyset({1: ENTRY, 2: ENTRY}, {1: ENTRY}, DATE)
    assert isinstance(look(ROOT, rrset, (A,), Epoch(date_of(22))), Unsigned)
    assert isinstance(look(ROOT, rrset, (A,), Epoch(date_of(-3))), Unsigned)


def test_no_more_keys_are_followed_than_there_is_room_for() -> None:
    point = GIVEN
    point = after(point, date_of(0), {1: ENTRY} | dict.fromkeys(range(2, 30), ENTRY), by={1: ENTRY})
    assert (MOST_KEYS, _ST.VALID) == (len(point.keys), states(point)[A])
    removed = [TrackedKey(of(100 + at), _ST.REMOVED, Epoch(DATE + at)) for at in range(MOST_KEYS - 1)]
    full = TrustPoint(ROOT, (*GIVEN.keys, *removed))
    full = after(full, date_of(0), {1: ENTRY, 2: ENTRY}, by={1: ENTRY})
    assert (MOST_KEYS, _ST.ADD_PENDING) == (len(full.keys), states(full)[B])
    assert removed[0].record not in states(full)


# Clocks.


def test_a_clock_that_goes_back_adds_nothing_and_its_way_forth_adds_nothing_twice() -> None:
    point = after(GIVEN, date_of(0), {1: ENTRY, 2: ENTRY}, by={1: ENTRY})
    for _ in range(10):
        for day in (0, 10, 3):
            point = after(point, date_of(day), {1: ENTRY, 2: ENTRY}, by={1: ENTRY})
    pending = next(key for key in point.keys if key.record == B)
    assert (_ST.ADD_PENDING, 10.0 * DAY) == (pending.state, pending.held)


def test_a_clock_that_leaps_is_counted_as_one_pause_between_looks() -> None:
    """Seen first with a clock a year behind; a year later by the clock is not thirty days."""
    point = after(GIVEN, date_of(-365), {1: ENTRY, 2: ENTRY}, by={1: ENTRY})
    point = after(point, date_of(0), {1: ENTRY, 2: ENTRY}, by={1: ENTRY})
    pending = next(key for key in point.keys if key.record == B)
    assert (_ST.ADD_PENDING, float(LONGEST_PAUSE)) == (pending.state, pending.held)


def test_a_long_ttl_makes_the_hold_down_longer() -> None:
    point = GIVEN
    for day in range(45):
        point = after(point, date_of(day), {1: ENTRY, 2: ENTRY}, by={1: ENTRY}, ttl=45 * DAY)
        assert _ST.ADD_PENDING is states(point)[B]
    assert _ST.VALID is states(after(point, date_of(45), {1: ENTRY, 2: ENTRY}, by={1: ENTRY}))[B]


@pytest.mark.parametrize(
    ("ttl", "span", "refresh", "retry"),
    [
        (TTL, SPAN, DAY, TTL / 10),
        (60, SPAN, HOUR, HOUR),
        (90 * DAY, 90 * DAY, 15 * DAY, DAY),
        (90 * DAY, 4 * DAY, 2 * DAY, 0.4 * DAY),
        (0, 0, HOUR, HOUR),
    ],
)
def test_when_to_look_again(ttl: float, span: float, refresh: float, retry: float) -> None:
    assert (refresh, retry) == (refresh_time(ttl, span), pytest.approx(retry_time(ttl, span)))


def test_a_look_sets_the_next_and_a_failed_one_sets_it_sooner() -> None:
    point = after(GIVEN, date_of(0), {1: ENTRY}, by={1: ENTRY})
    assert (DATE, DATE + DAY, TTL, SPAN) == (point.looked, point.due, point.ttl, point.span)
    assert DATE + DAY + TTL / 10 == failed(point, Epoch(DATE + DAY)).due
    assert DATE == GIVEN.due


# What is given anew.


def test_what_was_given_and_is_no_more_goes_and_what_was_learned_stays() -> None:
    point = TrustPoint(ROOT, (*GIVEN.keys, TrackedKey(B, _ST.VALID, DATE, Source.LEARNED)))
    assert (B, C) == replant(point, (C,), DATE).records


def test_a_pending_key_that_is_given_is_believed_at_once_and_goes_with_what_is_given() -> None:
    point = TrustPoint(ROOT, (*GIVEN.keys, TrackedKey(B, _ST.ADD_PENDING, DATE, Source.LEARNED)))
    given = replant(point, (A, B), DATE)
    assert (A, B) == given.records
    assert (A,) == replant(given, (A,), DATE).records


def test_what_changed_is_told() -> None:
    point = TrustPoint(ROOT, (TrackedKey(A, _ST.MISSING, DATE), TrackedKey(B, _ST.VALID, DATE)))
    assert (
        Change(A, _ST.VALID, _ST.MISSING),
        Change(C, _ST.ADD_PENDING, _ST.START),
        Change(B, _ST.START, _ST.VALID),
    ) == changes(TrustPoint(ROOT, (*GIVEN.keys, TrackedKey(C, _ST.ADD_PENDING, DATE))), point)
