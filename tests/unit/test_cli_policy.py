"""`anchorhold pause` and `blocked`, what `status` tells of both, and the rules in `explain`: as a user runs them, against a fake
service."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from kit.control import FakeService, Script, fake_service

from anchorhold.cli import main
from anchorhold.spans import read_span

PAUSED = {"group": "kids", "left": 540}
ROW = {
    "name": "ads.example.",
    "type": 28,
    "group": "default",
    "rule": "",
    "list": "ads",
    "line": 7,
    "count": 3,
    "last_s": 4,
}


def run(tmp_path: Path, script: Script, *arguments: str) -> tuple[Result, FakeService]:
    with fake_service(tmp_path, script) as service:
        result = CliRunner().invoke(main, [*arguments, "--control", str(service.path)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result, service


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("10m",), {"seconds": 600}),
        (("kids", "1h"), {"seconds": 3_600, "group": "kids"}),
        (("--end",), {"seconds": 0}),
        (("kids", "--end"), {"seconds": 0, "group": "kids"}),
    ],
)
def test_a_pause_is_asked_for(tmp_path: Path, given: tuple[str, ...], expected: dict[str, object]) -> None:
    result, service = run(tmp_path, {"pause": [{"cell": "resolver", "paused": [PAUSED]}]}, "pause", *given)
    assert (0, [{"verb": "pause", **expected}]) == (result.exit_code, service.requests)
    assert "paused: nothing is blocked for group kids, 9 minutes more" in result.stdout.replace("for 9", "9")


def test_the_end_of_all_pauses_is_told(tmp_path: Path) -> None:
    result, _ = run(tmp_path, {"pause": [{"cell": "resolver", "paused": []}]}, "pause", "--end")
    assert "nothing is paused: rules and lists block\n" == result.stdout


@pytest.mark.parametrize("given", [(), ("kids",), ("10",), ("0m",), ("2d",), ("a", "b", "10m"), ("a", "b", "--end")])
def test_what_is_no_pause_is_wrong_usage(tmp_path: Path, given: tuple[str, ...]) -> None:
    result, service = run(tmp_path, {}, "pause", *given)
    assert (2, []) == (result.exit_code, service.requests)


@pytest.mark.parametrize(
    ("given", "expected"), [((), {}), (("--for", "15m"), {"seconds": 900}), (("--stop",), {"seconds": 0})]
)
def test_what_was_blocked_is_asked_for(tmp_path: Path, given: tuple[str, ...], expected: dict[str, object]) -> None:
    answer = {"cell": "resolver", "until_s": 870, "blocked": [ROW, {**ROW, "rule": "no games", "list": "", "type": 65}]}
    result, service = run(tmp_path, {"blocked": [answer]}, "blocked", *given)
    assert (0, [{"verb": "blocked", **expected}]) == (result.exit_code, service.requests)
    assert "what is blocked is being remembered, for 14 minutes more" in result.stdout.replace("14.5", "14")
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["ads.example.", "AAAA", "default", "list", "ads", "line", "7", "3", "4", "s"] in lines
    assert ["ads.example.", "HTTPS", "default", "rule", "no", "games", "3", "4", "s"] in lines


def test_nothing_is_remembered_unless_it_is_asked_for(tmp_path: Path) -> None:
    result, _ = run(tmp_path, {"blocked": [{"cell": "resolver", "until_s": 0, "blocked": []}]}, "blocked")
    assert "nothing is remembered; begin with: anchorhold blocked --for 15m\n" == result.stdout


@pytest.mark.parametrize("given", [("--for", "x"), ("--for", "2h"), ("--for", "1m", "--stop")])
def test_what_is_no_view_is_wrong_usage(tmp_path: Path, given: tuple[str, ...]) -> None:
    result, service = run(tmp_path, {}, "blocked", *given)
    assert (2, []) == (result.exit_code, service.requests)


def test_an_error_of_the_resolvers_ends_with_1(tmp_path: Path) -> None:
    for verb, given in (("pause", ("1m",)), ("blocked", ())):
        folder = tmp_path / verb
        folder.mkdir()
        result, _ = run(folder, {verb: [{"error": "no"}]}, verb, *given)
        assert (1, True) == (result.exit_code, "no" in result.stderr)


def test_json_is_what_the_resolver_said(tmp_path: Path) -> None:
    result, _ = run(tmp_path, {"blocked": [{"cell": "resolver", "until_s": 5, "blocked": [ROW]}]}, "blocked", "--json")
    assert {"until_s": 5, "blocked": [ROW]} == json.loads(result.stdout)


def status(tmp_path: Path, policy: dict[str, object]) -> str:
    script: Script = {"status": [{"cell": "front", "pid": 1}, {"cell": "resolver", "pid": 2, "policy": policy}]}
    result, _ = run(tmp_path, script, "status")
    assert 0 == result.exit_code
    return result.stdout


def test_status_announces_a_pause_and_a_view(tmp_path: Path) -> None:
    policy: dict[str, object] = {
        "rules": 2, "lists": ["ads"], "local_zones": 1, "schedules": [{"name": "night", "on": True}], "paused": [PAUSED],
        "watched": 60,
    }  # fmt: skip
    text = status(tmp_path, policy)
    assert "paused: nothing is blocked for group kids" in text
    assert "what is blocked is being remembered, for 1 minute more" in text
    assert ["2", "1", "1", "night"] in [line.split() for line in text.splitlines()]


def test_status_says_nothing_of_rules_where_there_are_none(tmp_path: Path) -> None:
    policy: dict[str, object] = {"rules": 0, "lists": [], "local_zones": 0, "schedules": [], "paused": [], "watched": 0}
    text = status(tmp_path, policy)
    assert not [word for word in ("rules", "paused", "remembered") if word in text]


def test_explain_tells_every_rule_that_was_considered(tmp_path: Path) -> None:
    rows = [
        {"rule": "localhost", "kind": "built in", "what": "", "result": "not its name"},
        {"rule": "rule games", "kind": "block", "what": "example.", "result": "not at this time (night)"},
        {"rule": "list ads line 7", "kind": "list", "what": "ads.example.", "source": "ads.txt", "result": "decides"},
    ]
    resolver = {"cell": "resolver", "rule": "list ads line 7", "zone": "ads.example.", "considered": rows}
    script: Script = {"explain": [{"cell": "front", "group": "default", "allowed": True}, resolver]}
    result, _ = run(tmp_path, script, "explain", "ads.example")
    assert [
        "  1. client    decided for group default (no --client given)",
        "  2. rule      rule games (block example.): not at this time (night)",
        "  3. list      ads line 7 of ads.txt (ads.example.): decides",
        "  4. rule      list ads line 7 (ads.example.): answered here; nothing leaves",
    ] == result.stdout.splitlines()[1:5]


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("10m", 600), ("2h", 7_200), ("1d", 86_400)])
def test_time_spans_are_read(text: str, seconds: int) -> None:
    assert seconds == read_span(text, 86_400)
