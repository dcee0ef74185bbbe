"""`anchorhold compare`, as a user runs it, against two servers on loopback."""

import json
from collections.abc import Callable
from pathlib import Path

import dns.message
import dns.rrset
from click.testing import CliRunner, Result
from kit.datagrams import answering
from kit.peers import free_ports

from anchorhold.cli import main


def server(*records: str, turn: bool = False) -> Callable[[bytes], bytes]:
    """What has these A records (`NAME ADDRESS`); with `turn` another one each time."""
    known: dict[str, list[str]] = {}
    for record in records:
        name, address = record.split(" ")
        known.setdefault(name, []).append(address)

    def answer(data: bytes) -> bytes:
        query = dns.message.from_wire(data)
        response = dns.message.make_response(query, recursion_available=True)
        name = query.question[0].name.to_text()
        addresses = known.get(name, [])
        if turn and addresses:
            addresses.append(addresses.pop(0))
            addresses = addresses[:1]
        if addresses:
            response.answer.append(dns.rrset.from_text(name, 60, "IN", "A", *addresses))
        return response.to_wire()

    return answer


def run(*arguments: str | int | Path, text: str = "") -> Result:
    result = CliRunner().invoke(main, ["compare", *map(str, arguments)], input=text)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def compared(
    old: Callable[[bytes], bytes], new: Callable[[bytes], bytes], *more: str | Path, text: str = "a.test\n"
) -> Result:
    with answering(old) as one, answering(new) as other:
        places = ("--old", f"127.0.0.1:{one}", "--new", f"127.0.0.1:{other}")
        return run(*places, "--rate", 1_000, "--types", "A", *(more or ("--names", "-")), text=text)


def test_two_that_say_the_same_end_with_0(tmp_path: Path) -> None:
    names = tmp_path / "names"
    names.write_text("a.test\nb.test A\n")
    result = compared(server("a.test. 192.0.2.1"), server("a.test. 192.0.2.1"), "--names", names)
    assert (0, "") == (result.exit_code, result.stderr)
    assert "2 questions to both" in result.stdout
    assert "not explained" not in result.stdout


def test_other_records_are_shown_and_end_with_1() -> None:
    result = compared(server("a.test. 192.0.2.1"), server("a.test. 192.0.2.9"))
    assert 1 == result.exit_code
    assert ["a.test.", "A", "data", "192.0.2.1", "192.0.2.9"] == result.stdout.splitlines()[-1].split()
    assert "1 of 1 differences are not explained" in result.stderr


def test_records_that_rotate_explain_themselves() -> None:
    turning = "a.test. 192.0.2.1", "a.test. 192.0.2.2", "a.test. 192.0.2.3"
    result = compared(server(*turning, turn=True), server("a.test. 192.0.2.3"))
    assert (0, True) == (result.exit_code, "varies" in result.stdout), result.stdout


def test_json_holds_every_difference() -> None:
    result = compared(server("a.test. 192.0.2.1"), server(), "--json", "--names", "-", text="a.test\nb.test\n")
    data = json.loads(result.stdout)
    assert {"same": 1, "data": 1} == data["counts"]
    (row,) = data["differences"]
    assert ("a.test. A", False, "192.0.2.1", "no records") == tuple(
        row[key] for key in ("question", "explained", "old", "new")
    )


def test_who_answers_nothing_at_all_ends_it_with_4() -> None:
    (port,) = free_ports(1)
    with answering(server("a.test. 192.0.2.1")) as one:
        result = run("--old", f"127.0.0.1:{one}", "--new", f"127.0.0.1:{port}", "--names", "-", text="a.test\n")
    assert (4, True) == (result.exit_code, f"127.0.0.1:{port} answered none" in result.stderr)


def test_without_names_there_is_a_set_of_our_own() -> None:
    with answering(server()) as one, answering(server()) as other:
        result = run("--old", f"127.0.0.1:{one}", "--new", f"127.0.0.1:{other}", "--rate", 1_000, "--json")
    assert (0, True) == (result.exit_code, json.loads(result.stdout)["questions"] >= 30)


def test_wrong_usage_is_said(tmp_path: Path) -> None:
    good = ("--old", "127.0.0.1", "--new", "127.0.0.1:5300")
    for arguments, why in (
        (("--old", "nowhere", "--new", "127.0.0.1"), "--old: "),
        (("--old", "127.0.0.1:0", "--new", "127.0.0.1"), "port 0"),
        ((*good, "--names", tmp_path / "none"), "No such file"),
        ((*good, "--types", "NOTYPE"), "no record type"),
        (("--old", "127.0.0.1"), "--new"),
    ):
        result = run(*arguments)
        assert (2, True) == (result.exit_code, why in result.stderr), result.stderr
