"""The commands that ask a running service, against a fake one, as a user runs them."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import dns.edns
import dns.message
import dns.rrset
import pytest
from click.testing import CliRunner, Result
from kit.control import FakeService, Script, fake_service
from kit.peers import need_root

from anchorhold.__about__ import __version__
from anchorhold.cli import COMMANDS, main
from anchorhold.forms import describe
from anchorhold.secret import take_secret
from anchorhold.state import spread_key
from anchorhold.terminal import print_table
from dhcp.facts import WHY

Run = Callable[..., Result]

STATUS: Script = {
    "status": [
        {
            "cell": "front",
            "form": "plain Python (not built)",
            "pid": 11,
            "generation": 2,
            "restarts": 0,
            "counters": {"udp": 7},
            "cache": {"entries": 3},
        },
        {
            "cell": "resolver",
            "pid": 12,
            "generation": 2,
            "restarts": 1,
            "counters": {},
            "upstreams": [
                {
                    "upstream": "tls://a.test:853",
                    "operator": "A",
                    "group": "default",
                    "state": "resting",
                    "exchanges": 5,
                    "failures": {"timeout": 2, "reset": 0},
                    "latency_ms": 12.34,
                }
            ],
            "operators": [{"operator": "A", "queries": 5, "share": 0.5, "sites_estimate": 4, "site_share": 0.25}],
            "cache": {},
        },
    ]
}

EXPLAIN_RESOLVER = {
    "cell": "resolver",
    "group": "staff",
    "rule": None,
    "cached": None,
    "route": ".",
    "upstream_group": "default",
    "strategy": "spread",
    "profile": "strict",
    "order": [{"upstream": "tls://a.test:853", "operator": "A", "state": "ready", "latency_ms": None}],
    "site": "example.net",
    "leaves": ["the network       sizes in steps of 128"],
}


def run(*arguments: str | Path, **more: object) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], **more)  # type: ignore[arg-type]
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def response(*records: str, rcode: int = 0, error: tuple[int, str] | None = None) -> bytes:
    query = dns.message.make_query("example.net.", "A")
    answer = dns.message.make_response(query, recursion_available=True)
    for record in records:
        answer.answer.append(dns.rrset.from_text("example.net.", 60, "IN", "A", record))
    answer.set_rcode(rcode)
    if error:
        answer.use_edns(options=[dns.edns.EDEOption(*error)])
    return answer.to_wire()


def asked(message: bytes) -> Script:
    return {"ask": [{"cell": "front", "message": message.hex(), "origin": "upstream", "group": "default"}]}


def ask(tmp_path: Path, message: bytes, *arguments: str) -> tuple[Result, FakeService]:
    with fake_service(tmp_path, asked(message)) as service:
        return run("ask", "Example.NET", *arguments, "--control", service.path), service


def test_without_arguments_the_help_is_printed_with_the_exit_codes() -> None:
    result = run()
    assert result.exit_code == 0
    assert "Exit codes:" in result.stdout
    assert "4  no service (or no server) answers" in result.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    assert "Example" in result.stdout
    assert f"anchorhold {name}" in result.stdout


def test_an_unknown_command_is_wrong_usage() -> None:
    assert run("reslove").exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [("status",), ("ask", "example.net"), ("explain", "example.net"), ("cache", "stats"), ("cache", "flush", "a")],
)
def test_without_a_service_every_command_ends_with_4_and_says_so(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    result = run(*arguments, "--control", tmp_path / "none.sock")
    assert (result.exit_code, result.stdout) == (4, "")
    assert "no service answers" in result.stderr


def test_status_prints_plain_columns_off_a_terminal(tmp_path: Path) -> None:
    with fake_service(tmp_path, STATUS) as service:
        result = run("status", "--control", service.path)
    assert result.exit_code == 0
    assert "  default  tls://a.test:853  A         resting  5          timeout:2  12.3 ms" in result.stdout
    assert "A         5        50.0%   4              25.0%" in result.stdout
    assert "front counters:" in result.stdout
    assert "Code: plain Python (not built)\n" in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize(
    ("believed", "expected"),
    [
        (True, "The clock is believed: it shows 1970-01-01T00:00:05Z, and it is later than 1970-01-02T00:00:00Z."),
        (False, "THE CLOCK IS WRONG: it shows 1970-01-01T00:00:05Z, and 1970-01-02T00:00:00Z is over."),
    ],
)
def test_status_says_in_words_whether_the_clock_can_be_right(tmp_path: Path, believed: bool, expected: str) -> None:
    clock = {"believed": believed, "date": 5, "not_before": 86_400, "time_sources": 10}
    with fake_service(tmp_path, {"status": [{"cell": "front"}, {"cell": "resolver", "clock": clock}]}) as service:
        result = run("status", "--control", service.path)
    assert (0, True) == (result.exit_code, expected in result.stdout)
    assert believed is not ("only the 10 servers of time" in result.stdout)


def test_status_says_what_trouble_the_machine_has_and_where_it_went(tmp_path: Path) -> None:
    front = {"cell": "front", "counters": {"tcp-accept-24": 7}}
    network = {"watched": "sleep of the machine", "changes": 2, "last_change": 5.0}
    with fake_service(tmp_path, {"status": [front, {"cell": "resolver", "network": network}]}) as service:
        result = run("status", "--control", service.path)
    assert 0 == result.exit_code
    assert (
        "front: no descriptor is left, 7 times: idle connections are given up and new ones wait; allow" in result.output
    )
    assert "The network changed 2 times, the last time 5.0 s ago" in result.output
    assert "Changes of the network are not noticed here; watched: sleep of the machine." in result.output


def test_status_counts_leases_and_says_when_none_can_be_written(tmp_path: Path) -> None:
    dhcp = {
        "cell": "dhcp",
        "interfaces": ["lan", "guests"],
        "leases": 7,
        "offers": 1,
        "owed": 2,
        "store": "the disk is full",
    }
    dhcp |= {"counters": {"acked": 9}}
    with fake_service(tmp_path, {"status": [{"cell": "front"}, {"cell": "resolver"}, dhcp]}) as service:
        result = run("status", "--control", service.path)
    assert 0 == result.exit_code
    assert "LEASES ARE NOT WRITTEN: the disk is full" in result.output
    assert ["lan", "guests", "7", "1", "2"] in [line.split() for line in result.output.splitlines()]
    assert f"  acked  9       {WHY['acked']}" in result.output.splitlines()


def test_status_is_negative_when_the_dhcp_cell_is_missed(tmp_path: Path) -> None:
    lines = [{"cell": "front"}, {"cell": "resolver"}, {"cell": "dhcp", "error": "not there just now"}]
    with fake_service(tmp_path, {"status": lines}) as service:
        result = run("status", "--control", service.path)
    assert 1 == result.exit_code
    assert "dhcp: not there just now" in result.output


def test_status_as_json_is_one_document_by_cell(tmp_path: Path) -> None:
    with fake_service(tmp_path, STATUS) as service:
        result = run("status", "--json", "--control", service.path)
    document = json.loads(result.stdout)
    assert list(document) == ["front", "resolver"]
    assert document["resolver"]["upstreams"][0]["state"] == "resting"


def test_status_of_a_service_whose_resolver_is_gone_is_negative(tmp_path: Path) -> None:
    with fake_service(tmp_path, {"status": [{"cell": "front", "pid": 1}]}) as service:
        result = run("status", "--control", service.path)
    assert result.exit_code == 1
    assert "no answer from: resolver" in result.stderr


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("status", ("status",)),
        ("cache-stats", ("cache", "stats")),
        ("cache-flush", ("cache", "flush", "a.test")),
        ("explain", ("explain", "a.test")),
    ],
)
def test_what_front_knows_is_printed_when_the_resolver_cannot_be_asked(
    tmp_path: Path, verb: str, arguments: tuple[str, ...]
) -> None:
    with fake_service(tmp_path, {verb: [{"cell": "front", "group": "g"}, {"error": "it is not there"}]}) as service:
        result = run(*arguments, "--control", service.path)
    assert result.exit_code == 1
    assert result.stdout
    assert "resolver: it is not there" in result.stderr


def test_ask_sends_a_question_with_nothing_of_the_user_in_it(tmp_path: Path) -> None:
    _, service = ask(tmp_path, response("192.0.2.1"), "--dnssec", "--cd")
    query = dns.message.from_wire(bytes.fromhex(str(service.requests[0]["message"])))
    assert query.question[0].to_text() == "example.net. IN A"
    assert (query.id, dns.flags.to_text(query.flags), query.options) == (0, "RD CD", ())
    assert query.ednsflags & dns.flags.DO


def test_ask_prints_records_and_where_they_came_from(tmp_path: Path) -> None:
    result, _ = ask(tmp_path, response("192.0.2.1"))
    assert result.exit_code == 0
    assert "example.net.\t60\tIN\tA\t192.0.2.1" in result.stdout
    assert ";; NOERROR, flags: qr rd ra" in result.stdout
    assert "via service (group default), upstream;" in result.stdout


def test_ask_short_prints_the_data_alone(tmp_path: Path) -> None:
    result, _ = ask(tmp_path, response("192.0.2.1", "192.0.2.2"), "--short")
    assert sorted(result.stdout.split()) == ["192.0.2.1", "192.0.2.2"]


def test_ask_short_with_time_adds_how_it_came(tmp_path: Path) -> None:
    result, _ = ask(tmp_path, response("192.0.2.1"), "--short", "--time")
    first, second = result.stdout.splitlines()
    assert first == "192.0.2.1"
    assert second.startswith(";; via service")


def test_ask_as_json_holds_records_and_road(tmp_path: Path) -> None:
    result, _ = ask(tmp_path, response("192.0.2.1"), "--json")
    document = json.loads(result.stdout)
    assert document["answer"] == [
        {"name": "example.net.", "ttl": 60, "rrclass": "IN", "rrtype": "A", "data": "192.0.2.1"}
    ]
    assert (document["rcode"], document["origin"]) == ("NOERROR", "upstream")


def test_an_extended_error_is_printed_with_its_text_and_the_exit_code_is_1(tmp_path: Path) -> None:
    result, _ = ask(tmp_path, response(rcode=2, error=(23, "all\x1b[31m down")))
    assert result.exit_code == 1
    assert ";; extended error 23 (network error): all?[31m down" in result.stdout


def test_an_empty_answer_is_negative(tmp_path: Path) -> None:
    assert ask(tmp_path, response())[0].exit_code == 1


@pytest.mark.parametrize("message", [b"", b"\x00" * 5, b"\xff" * 40])
def test_bytes_that_are_no_message_are_an_error_and_no_traceback(tmp_path: Path, message: bytes) -> None:
    result, _ = ask(tmp_path, message)
    assert result.exit_code == 4
    assert "no DNS message" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("ask", "a..b"),
        ("ask", "x" * 64 + ".test"),
        ("ask", "example.net", "NOTYPE"),
        ("ask", "example.net", "--tcp"),
        ("explain", "a..b"),
        ("explain", "example.net", "--type", "NOTYPE"),
        ("explain", "example.net", "--client", "nowhere"),
        ("explain", "example.net", "NOTYPE"),
        ("explain", "example.net", "A", "--type", "AAAA"),
        ("cache", "flush", "a..b"),
    ],
)
def test_what_is_no_name_type_or_address_is_wrong_usage(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Error" in result.stderr


def test_explain_sends_the_client_to_front_and_prints_each_step(tmp_path: Path) -> None:
    script: Script = {"explain": [{"cell": "front", "group": "staff", "allowed": True}, EXPLAIN_RESOLVER]}
    with fake_service(tmp_path, script) as service:
        result = run("explain", "WWW.example.net", "--client", "10.0.0.1", "--control", service.path)
    assert service.requests[0]["client"] == "10.0.0.1"
    assert bytes.fromhex(str(service.requests[0]["key"])) == b"\3www\7example\3net\0\0\1\0\1"
    lines = result.stdout.splitlines()
    assert lines[0] == "www.example.net. A"
    assert lines[1] == "  1. client    10.0.0.1 is in group staff"
    assert "  7. ask       tls://a.test:853 of A (ready, -)" in lines
    assert "  the forwarder     the full name www.example.net. and type A, this machine's address" in lines
    assert lines[-1] == "  the network       sizes in steps of 128"


def test_explain_says_that_an_oblivious_target_sees_the_address_of_its_relay(tmp_path: Path) -> None:
    script: Script = {"explain": [{"cell": "front", "group": "staff"}, EXPLAIN_RESOLVER | {"oblivious": True}]}
    with fake_service(tmp_path, script) as service:
        lines = run("explain", "www.example.net", "--control", service.path).stdout.splitlines()
    assert "  the target        the full name www.example.net. and type A, the relay's address" in lines
    assert not any("this machine's address" in line for line in lines)


def test_explain_of_a_name_answered_here_says_that_nothing_leaves(tmp_path: Path) -> None:
    answered = EXPLAIN_RESOLVER | {"rule": "special names", "leaves": []}
    with fake_service(tmp_path, {"explain": [{"cell": "front"}, answered]}) as service:
        result = run("explain", "a.onion", "--control", service.path)
    assert "2. rule      special names: answered here; nothing leaves" in result.stdout
    assert result.stdout.splitlines()[-1] == "  outside           nothing"


def test_explain_of_a_cached_answer_says_that_nothing_leaves_now(tmp_path: Path) -> None:
    script: Script = {"explain": [{"cell": "front", "cached": 12.5}, EXPLAIN_RESOLVER | {"moved": True}]}
    with fake_service(tmp_path, script) as service:
        result = run("explain", "example.net", "--control", service.path)
    assert "front has one, good for 12.5 s more; nothing leaves" in result.stdout
    assert "nothing while the cached answer lasts; then:" in result.stdout
    assert "the site's own operator does not answer" in result.stdout


def test_explain_of_a_client_that_is_not_allowed_ends_at_the_door(tmp_path: Path) -> None:
    script: Script = {"explain": [{"cell": "front", "allowed": False}]}
    with fake_service(tmp_path, script) as service:
        result = run("explain", "example.net", "--client", "203.0.113.9", "--control", service.path)
    assert "not on the access list" in result.stdout


@pytest.mark.parametrize(
    ("validation", "sentence"),
    [
        ({"outcome": "trusted", "zone": "."}, "must be proved, from the trust anchor of . down"),
        (
            {"outcome": "not validated", "zone": "corp.", "why": "ours", "by": "route", "left": None},
            "corp. is not validated: ours (by route, without an end)",
        ),
        ({"outcome": "none", "why": "no trust anchor"}, "cannot be proved: no trust anchor; clients get SERVFAIL"),
    ],
)
def test_explain_says_whether_an_answer_must_be_proved(
    tmp_path: Path, validation: dict[str, object], sentence: str
) -> None:
    script: Script = {"explain": [{"cell": "front"}, EXPLAIN_RESOLVER | {"validation": validation}]}
    with fake_service(tmp_path, script) as service:
        result = run("explain", "example.net", "HTTPS", "--control", service.path)
    assert f"dnssec    {sentence}" in result.stdout
    assert bytes.fromhex(str(service.requests[0]["key"])).endswith(b"\0\x41\0\1")
    assert "dnssec" not in service.requests[0]


CHAIN = {
    "date": 1_000,
    "asked": 2,
    "parts": [
        {
            "name": "example.net.",
            "type": 1,
            "group": "default",
            "steps": [{"step": "records", "name": "example.net.\x1b[2J", "type": 1, "number": 1, "outcome": "bogus"}],
        }
    ],
    "verdict": {"security": "bogus", "rcode": "SERVFAIL", "why": "the signature is wrong", "ede": 6, "ad": False},
}


def test_explain_shows_the_chain_of_trust_and_says_with_1_that_clients_get_nothing(tmp_path: Path) -> None:
    script: Script = {"explain": [{"cell": "front"}, EXPLAIN_RESOLVER | {"dnssec": CHAIN}]}
    with fake_service(tmp_path, script) as service:
        result = run("explain", "--dnssec", "example.net", "--control", service.path)
    assert (1, True) == (result.exit_code, service.requests[0]["dnssec"])
    assert "Chain of trust, looked at anew (2 questions sent to upstreams for this):" in result.stdout
    assert (
        "Verdict: bogus; clients get SERVFAIL, without AD: the signature is wrong (EDE 6, dnssec bogus)"
        in result.stdout
    )
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize("chain", [{}, {"parts": 7}, {"parts": [{"steps": [{}]}]}, {"error": "no"}, {"verdict": []}])
def test_a_chain_of_another_shape_is_no_traceback(tmp_path: Path, chain: dict[str, object]) -> None:
    script: Script = {"explain": [{"cell": "front"}, EXPLAIN_RESOLVER | {"dnssec": chain}]}
    with fake_service(tmp_path, script) as service:
        assert 0 == run("explain", "--dnssec", "example.net", "--control", service.path).exit_code


def test_a_flush_names_the_folded_wire_name(tmp_path: Path) -> None:
    script: Script = {"cache-flush": [{"cell": "front", "removed": 3}, {"cell": "resolver", "removed": 1}]}
    with fake_service(tmp_path, script) as service:
        result = run("cache", "flush", "Bücher.EXAMPLE", "--control", service.path)
    assert service.requests == [{"verb": "cache-flush", "name": b"\x0dxn--bcher-kva\7example\0".hex()}]
    assert result.stdout == "front: removed 3\nresolver: removed 1\n"


def test_cache_stats_shows_numbers_by_cell(tmp_path: Path) -> None:
    with fake_service(tmp_path, {"cache-stats": [{"cell": "front", "cache": {"entries": 2}}]}) as service:
        result = run("cache", "stats", "--control", service.path)
    assert result.stdout == "front cache:\n  what     number\n  entries  2\n"


def test_cache_dump_prints_a_line_per_entry(tmp_path: Path) -> None:
    script: Script = {
        "cache-dump": [{"cell": "front", "entries": [{"name": "a.test.", "type": 28, "left": 3}]}, {"cell": "resolver"}]
    }
    with fake_service(tmp_path, script) as service:
        result = run("cache", "dump", "--control", service.path)
    assert result.stdout == "front\tname=a.test.\ttype=AAAA\tleft=3\n"


def test_version_names_the_service_that_runs_another(tmp_path: Path) -> None:
    with fake_service(
        tmp_path, {"version": [{"cell": "front", "version": "0.0.9", "form": "compiled (5 modules)"}]}
    ) as service:
        result = run("version", "--json", "--control", service.path)
    assert json.loads(result.stdout) == {
        "program": __version__,
        "service": "0.0.9",
        "form": describe(),
        "service_form": "compiled (5 modules)",
    }


def test_version_without_a_service_is_no_fault(tmp_path: Path) -> None:
    result = run("version", "--control", tmp_path / "none.sock")
    assert (result.exit_code, result.stdout) == (0, f"anchorhold {__version__}, {describe()}\nservice    not running\n")


def test_a_rotation_writes_a_new_key_for_its_owner_only_and_warns(tmp_path: Path) -> None:
    state = tmp_path / "state"
    first = run("key", "rotate", "--yes", "--state", state)
    before = (state / "spread.key").read_bytes()
    second = run("key", "rotate", "--yes", "--state", state)
    after = (state / "spread.key").read_bytes()
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert (len(before), len(after), before == after) == (32, 32, False)
    assert stat.S_IMODE((state / "spread.key").stat().st_mode) == 0o600
    assert [path.name for path in state.iterdir()] == ["spread.key"]
    assert "shown to an operator that had not seen them" in second.stderr


def test_a_rotation_not_confirmed_changes_nothing(tmp_path: Path) -> None:
    result = run("key", "rotate", "--state", tmp_path, input="n\n")
    assert result.exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_a_state_directory_that_cannot_be_made_is_an_error_with_a_text(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("key", "rotate", "--yes", "--state", tmp_path / "file" / "state")
    assert result.exit_code == 2
    assert "Error: state directory" in result.stderr


def test_root_rotates_the_key_of_a_service_that_runs_as_somebody_else(tmp_path: Path) -> None:
    need_root("giving files away")
    os.chown(tmp_path, 12_345, 12_345)
    assert run("key", "rotate", "--yes", "--state", tmp_path).exit_code == 0
    found = (tmp_path / "spread.key").stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (12_345, 12_345, 0o600)


def test_a_rotated_key_is_one_the_service_takes(tmp_path: Path) -> None:
    former = take_secret(spread_key(tmp_path))
    assert run("key", "rotate", "--yes", "--state", tmp_path).exit_code == 0
    assert take_secret(spread_key(tmp_path)) != former


def test_a_service_without_its_configuration_does_not_start(tmp_path: Path) -> None:
    result = run("run", "--config", tmp_path / "none.toml")
    assert result.exit_code == 2
    assert "make one: anchorhold init" in result.stderr


def test_a_name_cannot_write_to_the_terminal_by_a_server_s_text(tmp_path: Path) -> None:
    evil: Script = {"status": [{"cell": "front", "pid": "\x1b[2J"}, {"cell": "resolver"}]}
    with fake_service(tmp_path, evil) as service:
        result = run("status", "--control", service.path)
    assert "\x1b" not in result.stdout


def test_a_table_is_drawn_on_a_terminal_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    print_table("things", ["what"], [["[bold]one\x1b"]])
    assert "│ [bold]one? │" in capsys.readouterr().out
