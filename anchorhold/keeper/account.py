"""What an operator is told of the trust anchors. Plain values, no text."""

from anchorhold.keeper.files import as_time, show_record
from anchorhold.keeper.messages import Told
from resolver.dnssec.algorithms import ALGORITHMS
from resolver.dnssec.rollover import IN_FORCE, NEVER, KeyState, TrackedKey
from wire.dns.names import show_name
from wire.units import Epoch

Line = dict[str, object]


def keeper_status(told: tuple[Told, ...]) -> Line:
    """Whether the keeper has said anything, and whether it can keep."""
    if not told:
        return {"state": "silent", "kept": None, "zones": 0, "problems": 0}
    return {
        "state": "ready",
        "kept": not told[0].storage,
        "why_not_kept": told[0].storage or None,
        "not_before": _time(told[0].floor),
        "zones": len(told),
        "problems": sum(bool(one.problem) for one in told),
    }


def anchors_status(told: tuple[Told, ...], now: Epoch) -> Line:
    """Every zone that is followed, with its keys."""
    return {"keeper": keeper_status(told), "zones": [_zone(one, now) for one in told]}


def _zone(told: Told, now: Epoch) -> Line:
    point = told.point
    return {
        "zone": show_name(point.zone),
        "last_look": None if point.looked == NEVER else _time(point.looked),
        "next_look": _time(max(point.due, now)),
        "problem": told.problem or None,
        "keys": [_key(key) for key in point.keys],
    }


def _key(key: TrackedKey) -> Line:
    algorithm = ALGORITHMS.get(key.record.algorithm)
    waits = key.state in (KeyState.ADD_PENDING, KeyState.REVOKED)
    return {
        "tag": key.record.tag,
        "algorithm": key.record.algorithm,
        "algorithm_name": algorithm.name if algorithm else None,
        "state": key.state.value,
        "in_force": key.state in IN_FORCE,
        "since": _time(key.since),
        "source": key.source.value,
        "left": round(max(0.0, key.hold - key.held)) if waits else None,
        "ds": show_record(key.record),
    }


def _time(date: Epoch) -> str:
    return as_time(date).strftime("%Y-%m-%dT%H:%M:%SZ")
