"""`anchorhold anchors`, as a user runs it: against a fake service, and with documents that a test's own authority signs."""

import json
import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from kit.control import Script, fake_service
from kit.iana import KSK_2017_DIGEST, KSK_2024_DIGEST, digest, document, mail_authority
from kit.peers import need_root

from anchorhold.cli import main
from anchorhold.keeper.account import anchors_status
from anchorhold.keeper.files import read_given, write_points
from anchorhold.keeper.messages import Told
from anchorhold.keeper.packaged import packaged_root
from anchorhold.signed_document import SIGNER
from resolver.dnssec.rollover import KeyState, Source, TrackedKey, TrustPoint, plant
from wire.dns.signing import DelegationSigner
from wire.units import Epoch

ROOT, DATE = b"\0", Epoch(1_800_000_000.0)
NEW = DelegationSigner(99, 13, 2, b"\xab" * 32)


def run(*arguments: str | Path, text: str = "") -> Result:
    result = CliRunner().invoke(main, ["anchors", *(str(argument) for argument in arguments)], input=text)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


# What the service has.


def script(*told: Told) -> Script:
    return {"anchors": [{"cell": "resolver", **anchors_status(told, DATE)}]}


def told(*keys: TrackedKey, storage: str = "", problem: str = "") -> Told:
    point = plant(ROOT, packaged_root(), DATE)
    return Told(TrustPoint(ROOT, (*point.keys, *keys), DATE, Epoch(DATE + 86_400)), DATE, storage, problem)


def shown(tmp_path: Path, *arguments: str, one: Told) -> Result:
    with fake_service(tmp_path, script(one)) as service:
        return run(*arguments, "--control", service.path)


def test_every_key_is_shown_with_its_state(tmp_path: Path) -> None:
    pending = TrackedKey(NEW, KeyState.ADD_PENDING, DATE, Source.LEARNED, 86_400.0 * 10)
    result = shown(tmp_path, one=told(pending))
    assert (0, "") == (result.exit_code, result.stderr)
    lines = [line.split() for line in result.stdout.splitlines()]
    assert [".", "20326", "RSASHA256", "valid", "yes", "2027-01-15T08:00:00Z", "given"] in lines
    assert [".", "99", "ECDSAP256SHA256", "add-pending,", "20.0", "days", "left", "no"] == lines[4][:8]
    assert [".", "2027-01-15T08:00:00Z", "2027-01-16T08:00:00Z", "-"] in lines


def test_json_has_the_same_for_programs(tmp_path: Path) -> None:
    found = json.loads(shown(tmp_path, "--json", one=told()).stdout)
    (zone,) = found["zones"]
    assert (".", "2027-01-16T08:00:00Z", None) == (zone["zone"], zone["next_look"], zone["problem"])
    assert [(20326, 8, "valid", True), (38696, 8, "valid", True)] == [
        (key["tag"], key["algorithm"], key["state"], key["in_force"]) for key in zone["keys"]
    ]
    assert KSK_2024_DIGEST in zone["keys"][1]["ds"]


def test_a_problem_is_in_the_exit_code_and_what_is_not_kept_is_a_warning(tmp_path: Path) -> None:
    result = shown(tmp_path, one=told(storage="there is no state directory", problem="the signature has expired"))
    assert 1 == result.exit_code
    assert "warning: nothing is kept (there is no state directory)" in result.stderr
    assert "the last look at .: the signature has expired" in result.stderr


def test_a_root_without_keys_says_what_to_do(tmp_path: Path) -> None:
    point = TrustPoint(ROOT, (TrackedKey(NEW, KeyState.REVOKED, DATE),))
    result = shown(tmp_path, one=Told(point, DATE))
    assert (1, True) == (
        result.exit_code,
        "no key of . is in force; for the root: anchorhold anchors update" in result.stderr,
    )


def test_a_keeper_that_is_silent_is_said(tmp_path: Path) -> None:
    with fake_service(tmp_path, script()) as service:
        result = run("--control", service.path)
    assert (1, True) == (result.exit_code, "the keeper has not said anything yet" in result.stderr)


def test_without_a_service_it_ends_with_4(tmp_path: Path) -> None:
    assert 4 == run("--control", tmp_path / "none").exit_code


# IANA's file.


class Files:
    """A document and its signature, and a state directory."""

    def __init__(self, folder: Path, data: bytes) -> None:
        self.xml, self.signature, self.ca = folder / "root-anchors.xml", folder / "s", folder / "ca.pem"
        self.state = folder / "state"
        self.xml.write_bytes(data)
        self.signature.write_bytes(mail_authority().certify(SIGNER).sign(data))
        self.ca.write_bytes(mail_authority().pem)

    def run(self, verb: str, *more: str, text: str = "") -> Result:
        files = ("--xml", self.xml, "--signature", self.signature, "--ca", self.ca)
        return run(verb, *files, "--state", self.state, *more, text=text)

    def given(self) -> list[str]:
        keys = read_given((self.state / "keeper/given").read_bytes()).keys
        return [key.ds.split()[0] for key in keys]


def test_a_genuine_document_that_changes_nothing_is_taken_over_without_a_question(tmp_path: Path) -> None:
    files = Files(tmp_path, document())
    result = files.run("update")
    assert 0 == result.exit_code, result.output
    assert "it changes nothing" in result.stdout
    assert "kill -HUP" in result.stderr
    assert ["19036", "20326", "38696"] == files.given()
    path = files.state / "keeper/given"
    assert (0o644, 0o700) == (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode))
    assert ["given"] == os.listdir(path.parent)


NEXT_KEY = digest(99, "AB" * 32, "2026-01-01T00:00:00Z", algorithm=13)
OLD_KEY = digest(20326, KSK_2017_DIGEST, "2017-02-02T00:00:00+00:00", "2020-01-01T00:00:00Z")
OTHER_KEY = digest(38696, KSK_2024_DIGEST, "2024-07-18T00:00:00+00:00")


def test_what_changes_is_shown_and_a_key_that_goes_is_asked_about(tmp_path: Path) -> None:
    files = Files(tmp_path, document(OLD_KEY, OTHER_KEY, NEXT_KEY))
    result = files.run("update", text="n\n")
    assert (1, True) == (result.exit_code, "nothing was changed" in result.stderr)
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["20326", "valid", "not", "known"] in lines
    assert ["99", "not", "known", "valid"] in lines
    assert not (files.state / "keeper").exists()
    assert 0 == files.run("update", text="y\n").exit_code
    assert 0 == files.run("update", "--yes").exit_code
    assert ["20326", "38696", "99"] == files.given()


def test_check_says_the_same_and_writes_nothing(tmp_path: Path) -> None:
    files = Files(tmp_path, document(OTHER_KEY, NEXT_KEY))
    result = files.run("check", "--json")
    assert 0 == result.exit_code
    found = json.loads(result.stdout)
    assert [(38696, True), (99, True)] == [(key["tag"], key["for_today"]) for key in found["keys"]]
    assert {"tag": 99, "now": "not known", "then": "valid"} in found["changes"]
    assert not files.state.exists()


def test_it_is_compared_with_what_the_service_has_kept(tmp_path: Path) -> None:
    files = Files(tmp_path, document())
    folder = files.state / "keeper"
    folder.mkdir(parents=True)
    point = plant(ROOT, packaged_root()[1:], DATE)
    kept = TrustPoint(ROOT, (*point.keys, TrackedKey(packaged_root()[0], KeyState.REVOKED, DATE)))
    (folder / "anchors").write_bytes(write_points((kept,)))
    assert "it changes nothing" in files.run("check").stdout
    (folder / "anchors").write_bytes(b"damaged")
    result = files.run("check")
    assert (0, True) == (result.exit_code, "compared with what is packaged" in result.stderr)


def test_what_is_not_genuine_is_not_even_read(tmp_path: Path) -> None:
    files = Files(tmp_path, document())
    files.xml.write_bytes(b"<!DOCTYPE x>")
    result = files.run("update", "--yes")
    assert (2, True) == (result.exit_code, "is not proved to be IANA's" in result.stderr)
    assert not files.state.exists()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"<TrustAnchor/>", "root-anchors.xml: line 1: <TrustAnchor> has no id"),
        (document(OLD_KEY), "has no key for today"),
        (document(NEXT_KEY.replace("DigestType>2<", "DigestType>9<")), "has no key for today"),
    ],
)
def test_a_genuine_document_that_is_no_use_is_refused(tmp_path: Path, data: bytes, expected: str) -> None:
    result = Files(tmp_path, data).run("update", "--yes")
    assert (2, True) == (result.exit_code, expected in result.stderr), result.stderr


def test_files_that_are_not_there_or_too_large_are_said(tmp_path: Path) -> None:
    files = Files(tmp_path, document())
    files.signature.unlink()
    assert f"{files.signature}: No such file" in files.run("check").stderr
    files.signature.write_bytes(bytes(70_000))
    assert "larger than 65536 octets" in files.run("check").stderr


def test_the_packaged_authority_vouches_for_nobody_else(tmp_path: Path) -> None:
    files = Files(tmp_path, document())
    result = run("check", "--xml", files.xml, "--signature", files.signature, "--state", files.state)
    assert (2, True) == (result.exit_code, "unable to get local issuer certificate" in result.stderr)


def test_a_state_directory_that_others_may_write_into_is_refused(tmp_path: Path) -> None:
    files = Files(tmp_path, document())
    files.state.mkdir()
    files.state.chmod(0o777)
    result = files.run("update")
    assert (2, True) == (result.exit_code, "chmod 700" in result.stderr)


def test_as_root_a_new_folder_is_the_services_and_an_old_one_stays_whose_it_is(tmp_path: Path) -> None:
    need_root("giving files away")
    files = Files(tmp_path, document())
    files.state.mkdir(mode=0o700)
    os.chown(files.state, 12_345, 12_345)
    assert 0 == files.run("update").exit_code
    assert 12_345 == (files.state / "keeper").stat().st_uid
    os.chown(files.state / "keeper", 23_456, 23_456)
    assert 0 == files.run("update").exit_code
    assert 23_456 == (files.state / "keeper").stat().st_uid


# Exceptions.

EXCEPTED = {"zone": "broken.example.", "by": "command", "why": "lost keys", "until": 2.0, "left": 7_100}


def excepting(tmp_path: Path, *arguments: str, **line: object) -> tuple[Result, list[dict[str, object]]]:
    answered = {"cell": "resolver", "exceptions": [EXCEPTED], "kept": True} | line
    with fake_service(tmp_path, {"except": [answered]}) as service:
        return run("except", *arguments, "--control", service.path), service.requests


def test_an_exception_is_asked_for_and_shown(tmp_path: Path) -> None:
    result, (asked,) = excepting(tmp_path, "Broken.Example", "--for", "2h", "--reason", "lost keys")
    wanted = {"verb": "except", "zone": b"\6broken\7example\0".hex(), "seconds": 7_200, "reason": "lost keys"}
    assert (0, wanted) == (result.exit_code, asked)
    assert "  broken.example.  command  2.0 hours more  lost keys" in result.stdout


def test_one_is_taken_back(tmp_path: Path) -> None:
    result, (asked,) = excepting(tmp_path, "--remove", "broken.example", exceptions=[])
    assert (0, 0, "") == (result.exit_code, asked["seconds"], result.stdout)


def test_one_that_a_restart_would_forget_is_warned_of(tmp_path: Path) -> None:
    result, _ = excepting(tmp_path, "broken.example", "--for", "2h", "--reason", "x", kept=False)
    assert "warning: nothing can be kept" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("broken.example", "--reason", "x"), "--for is needed"),
        (("broken.example", "--for", "2", "--reason", "x"), "--for is needed"),
        (("broken.example", "--for", "31d", "--reason", "x"), "up to 30 days"),
        (("broken.example", "--for", "0h", "--reason", "x"), "up to 30 days"),
        (("broken.example", "--for", "2h"), "--reason is needed"),
        (("broken.example", "--for", "2h", "--reason", "x\ny"), "--reason is needed"),
        ((".", "--for", "2h", "--reason", "x"), "the root"),
        (("a..b", "--for", "2h", "--reason", "x"), "no domain name"),
        (("broken.example", "--remove", "--for", "2h"), "--remove takes"),
    ],
)
def test_what_can_be_no_exception_is_wrong_usage(arguments: tuple[str, ...], why: str) -> None:
    result = run("except", *arguments)
    assert (2, True) == (result.exit_code, why in result.stderr)


def test_what_is_not_validated_is_among_the_anchors(tmp_path: Path) -> None:
    line = {"cell": "resolver", **anchors_status((told(),), DATE), "exceptions": [EXCEPTED | {"left": None}]}
    with fake_service(tmp_path, {"anchors": [line]}) as service:
        result = run("--control", service.path)
    assert "  broken.example.  command  good  lost keys" in result.stdout
