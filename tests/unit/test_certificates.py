"""Certificates of the private authority: what they are for, when they are renewed, and what is left after a power cut."""

import os
import random
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.peers import peer
from kit.powercut import CALLS, Disk, _read_call

from anchorhold.certificates.authority import (
    NotPermitted,
    chain_pem,
    issue,
    key_pem,
    make_authority,
    new_key,
    pin_of,
)
from anchorhold.certificates.folder import CertificateFolder, CertificatesRefused
from anchorhold.certificates.pair import Pair, Unusable, cautions, faults, read_chain, read_key
from anchorhold.certificates.renewal import Failed, look, run, why_due
from anchorhold.certificates.settings import AcmeSettings, Action, Kind, RenewSettings
from anchorhold.certificates.subjects import (
    Subjects,
    bases_of,
    constraints_for,
    is_covered,
    is_lasting,
    lacking,
    read_name,
    read_subjects,
    refused_by,
    subjects_of,
)
from wire.units import Epoch

NOW = Epoch(1_795_000_000)
DAY = 86_400
HOME = RenewSettings(Kind.PRIVATE, ("dns.home.arpa", "*.dns.home.arpa"), ("192.168.1.1", "fd00::1"))
SUBJECTS = read_subjects(HOME.names, HOME.addresses)


class Heard:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "certificates"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def folder(path: Path) -> Iterator[CertificateFolder]:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    yield CertificateFolder(descriptor)
    os.close(descriptor)


def nobody() -> "Refusing":
    raise AssertionError("nobody is asked")


def renewed(folder: CertificateFolder, wanted: RenewSettings = HOME, now: float = NOW) -> list[str]:
    heard = Heard()
    assert run(folder, wanted, nobody, Epoch(now), heard)
    return heard.lines


def chain_of(folder: CertificateFolder) -> tuple[x509.Certificate, ...]:
    pair = folder.pair()
    assert pair is not None
    return pair.chain


# Names and addresses.

LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
NAME = st.lists(LABEL, min_size=2, max_size=4).map(".".join).filter(lambda name: not name.rpartition(".")[2].isdigit())
ADDRESS = st.ip_addresses()


@given(st.lists(NAME, min_size=1, max_size=6), st.lists(ADDRESS, max_size=6))
@settings(max_examples=60, deadline=None)
def test_a_leaf_is_for_exactly_what_was_wanted_and_its_authority_permits_it(names: list[str], addresses: list) -> None:
    wanted = read_subjects(names, [str(one) for one in addresses])
    key = new_key()
    authority = make_authority(key, wanted, NOW)
    leaf = issue(authority, key, new_key().public_key(), wanted, (NOW, 30))
    found = subjects_of(leaf)
    assert (set(found.names), set(found.addresses)) == (set(wanted.names), set(wanted.addresses))
    assert lacking(wanted, found) == []
    assert why_due(Pair((leaf,), key), wanted, authority, NOW) == ""


@given(NAME, NAME)
def test_what_is_not_below_a_permitted_name_is_refused(ours: str, other: str) -> None:
    constraints = constraints_for(read_subjects([ours], []))
    below = other == ours or other.endswith(f".{ours}")
    assert (refused_by(constraints, Subjects((other,))) == []) == below
    assert refused_by(constraints, Subjects((f"a.{ours}", f"*.{ours}", ours))) == []
    assert refused_by(constraints, Subjects((f"x{ours}",))) == [f"x{ours}"]


@given(ADDRESS, ADDRESS)
def test_an_address_of_somebody_elses_network_is_refused(ours, other) -> None:  # type: ignore[no-untyped-def]
    constraints = constraints_for(Subjects(("a.example",), (ours,)))
    assert refused_by(constraints, Subjects((), (ours,))) == []
    if other.version != ours.version or (other.is_global and not ours.is_global):
        assert refused_by(constraints, Subjects((), (other,))) == [str(other)]


def test_a_home_that_is_numbered_anew_keeps_its_authority() -> None:
    constraints = constraints_for(Subjects(("dns.home.arpa",), (ip_address("192.168.1.1"),)))
    assert refused_by(constraints, Subjects((), (ip_address("192.168.77.3"),))) == []
    assert refused_by(constraints, Subjects((), (ip_address("10.0.0.1"),))) == ["10.0.0.1"]


def test_a_global_address_permits_itself_or_its_link_and_a_missing_family_is_excluded() -> None:
    constraints = constraints_for(Subjects(("dns.example",), (ip_address("2a00:1450::53"),)))
    assert [one.value for one in constraints.permitted_subtrees or ()][1:] == [ip_network("2a00:1450::/64")]
    assert [one.value for one in constraints.excluded_subtrees or ()] == [ip_network("0.0.0.0/0")]
    only = constraints_for(Subjects(("dns.example",), (ip_address("9.9.9.9"),)))
    assert [one.value for one in only.permitted_subtrees or ()][1:] == [ip_network("9.9.9.9/32")]
    neither = constraints_for(Subjects(("dns.example",)))
    assert [str(one.value) for one in neither.excluded_subtrees or ()] == ["0.0.0.0/0", "::/0"]


@pytest.mark.parametrize(
    ("name", "by", "covered"),
    [
        ("dns.home.arpa", ["dns.home.arpa"], True),
        ("a.dns.home.arpa", ["*.dns.home.arpa"], True),
        ("a.b.dns.home.arpa", ["*.dns.home.arpa"], False),
        ("dns.home.arpa", ["*.dns.home.arpa"], False),
        ("*.dns.home.arpa", ["*.dns.home.arpa"], True),
        ("*.home.arpa", ["*.arpa"], False),
    ],
)
def test_a_wildcard_stands_for_one_label(name: str, by: list[str], covered: bool) -> None:
    assert is_covered(name, by) is covered


@pytest.mark.parametrize(
    "text", ["", "dns", "192.168.1.1", "a..b", "-a.b", "bücher.example", "a.*.b", "a b.c", "x" * 64 + ".a"]
)
def test_what_is_no_host_name_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match=r"write one like dns\.home\.arpa"):
        read_name(text)


def test_subjects_are_read_once_each_and_without_zones() -> None:
    assert read_subjects(["DNS.home.arpa.", "dns.home.arpa"], ["fe80::1%eth0", "fe80::1"]) == Subjects(
        ("dns.home.arpa",), (ip_address("fe80::1"),)
    )
    assert bases_of(["dns.home.arpa", "*.dns.home.arpa", "a.dns.home.arpa", "b.example"]) == (
        "dns.home.arpa",
        "b.example",
    )
    with pytest.raises(ValueError, match="needs a name"):
        read_subjects([], ["192.168.1.1"])
    with pytest.raises(ValueError, match="no address"):
        read_subjects(["a.b"], ["home"])
    with pytest.raises(ValueError, match="name fewer"):
        read_subjects([f"a{number}.b" for number in range(101)], [])


# The authority's certificate, in somebody else's eyes.


def verify(tmp_path: Path, authority: x509.Certificate, leaf: x509.Certificate, *wanted: str) -> str:
    """OpenSSL's word: "" if it accepts."""
    (tmp_path / "ca.pem").write_bytes(chain_pem([authority]))
    (tmp_path / "leaf.pem").write_bytes(chain_pem([leaf]))
    when = str(int(NOW))
    command = [peer("openssl"), "verify", "-x509_strict", "-purpose", "sslserver", "-attime", when, *wanted]
    done = subprocess.run(
        [*command, "-CAfile", tmp_path / "ca.pem", tmp_path / "leaf.pem"], capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stderr


@pytest.mark.parametrize(
    "wanted", [("-verify_hostname", "dns.home.arpa"), ("-verify_ip", "192.168.1.1"), ("-verify_ip", "fd00::1")]
)
def test_openssl_accepts_the_leaf_for_its_names_and_addresses(tmp_path: Path, wanted: tuple[str, str]) -> None:
    key = new_key()
    authority = make_authority(key, SUBJECTS, NOW)
    leaf = issue(authority, key, new_key().public_key(), SUBJECTS, (NOW, 30))
    assert verify(tmp_path, authority, leaf, *wanted) == ""


@pytest.mark.parametrize(
    "forged",
    [
        Subjects(("www.bank.example",)),
        Subjects(("dns.home.arpa", "home.arpa")),
        Subjects(("dns.home.arpa",), (ip_address("9.9.9.9"),)),
        Subjects(("dns.home.arpa",), (ip_address("2001:db8::1"),)),
    ],
)
def test_openssl_refuses_whatever_a_thief_signs_with_the_authority_key(tmp_path: Path, forged: Subjects) -> None:
    key = new_key()
    mine = Subjects(("dns.home.arpa",), (ip_address("192.168.1.1"),))
    authority = make_authority(key, mine, NOW)
    # The thief's own tool looks at no constraints: an authority of the same name and key that permits everything asked for.
    loose = make_authority(key, Subjects((mine.names[0], *forged.names), forged.addresses), NOW)
    leaf = issue(loose, key, new_key().public_key(), forged, (NOW, 30))
    assert "permitted subtree violation" in (said := verify(tmp_path, authority, leaf)) or "excluded subtree" in said
    assert verify(tmp_path, loose, leaf) == ""


def test_an_authority_signs_for_nothing_but_what_it_was_made_for() -> None:
    key = new_key()
    authority = make_authority(key, SUBJECTS, NOW)
    with pytest.raises(NotPermitted, match=r"was not made for other\.example.*certs init --replace"):
        issue(authority, key, new_key().public_key(), Subjects(("dns.home.arpa", "other.example")), (NOW, 30))


def test_a_leaf_does_not_outlive_its_authority() -> None:
    key = new_key()
    authority = make_authority(key, SUBJECTS, NOW)
    late = Epoch(NOW + 3_640 * DAY)
    assert (
        issue(authority, key, key.public_key(), SUBJECTS, (late, 30)).not_valid_after_utc
        == authority.not_valid_after_utc
    )


def test_long_names_have_a_place_in_the_subject_too() -> None:
    name = ".".join(["a" * 60] * 4)
    key = new_key()
    authority = make_authority(key, read_subjects([name], []), NOW)
    assert authority.subject.rfc4514_string().startswith("CN=Anchorhold ")
    assert subjects_of(issue(authority, key, key.public_key(), Subjects((name,)), (NOW, 30))).names == (name,)


# When it is renewed.


def test_the_first_run_makes_all_of_it_and_others_cannot_read_the_keys(folder: CertificateFolder, path: Path) -> None:
    assert [line.split(";")[0] for line in renewed(folder)] == [
        "a new private authority",
        "a new certificate (there is none yet), good until 2026-12-18",
    ]
    assert {one.name: one.stat().st_mode & 0o777 for one in path.iterdir()} == dict.fromkeys(
        ["authority.pem", "authority-key.pem", "chain.pem", "key.pem", "renewal.json"], 0o600
    )
    assert renewed(folder) == []


@pytest.mark.parametrize(
    ("days", "due"),
    [
        (-2, "it was made by a clock that was ahead"),
        (-1, ""),
        (0, ""),
        (19.6, ""),
        (19.7, "a third"),
        (29, "a third"),
        (31, "it has ended"),
    ],
)
def test_it_is_renewed_at_the_right_moments(folder: CertificateFolder, days: float, due: str) -> None:
    renewed(folder)
    before = folder.pair()
    lines = renewed(folder, now=NOW + days * DAY)
    after = folder.pair()
    assert before is not None
    assert after is not None
    assert (due in lines[0]) if due else (lines == [])
    assert pin_of(after.leaf.public_key()) == pin_of(before.leaf.public_key())
    assert (after.leaf.serial_number != before.leaf.serial_number) is bool(due)


def test_over_a_year_of_runs_there_is_always_a_valid_one_with_the_same_pin(folder: CertificateFolder) -> None:
    renewals, pins = 0, set()
    for half_day in range(2 * 365):
        now = NOW + half_day * DAY / 2
        renewals += len(renewed(folder, now=now)) > 0
        pair = folder.pair()
        assert pair is not None
        assert list(faults(pair, SUBJECTS, Epoch(now))) == []
        pins.add(pin_of(pair.leaf.public_key()))
    assert len(pins) == 1
    assert 17 <= renewals <= 20


@pytest.mark.parametrize(
    "wanted",
    [
        RenewSettings(Kind.PRIVATE, HOME.names, ("192.168.1.2", "fd00::1")),
        RenewSettings(Kind.PRIVATE, HOME.names, ("192.168.1.1",)),
        RenewSettings(Kind.PRIVATE, ("dns.home.arpa",), HOME.addresses),
        RenewSettings(Kind.PRIVATE, ("dns.home.arpa", "kids.dns.home.arpa"), HOME.addresses),
    ],
)
def test_other_names_or_addresses_are_a_reason(folder: CertificateFolder, wanted: RenewSettings) -> None:
    renewed(folder)
    assert "names or addresses have changed" in renewed(folder, wanted)[0]
    assert renewed(folder, wanted) == []


def test_names_outside_of_the_authority_fail_say_why_and_leave_the_old_one(folder: CertificateFolder) -> None:
    renewed(folder)
    before, heard = chain_of(folder), Heard()
    assert not run(folder, RenewSettings(Kind.PRIVATE, ("dns.example",)), nobody, NOW, heard)
    assert "not made for dns.example" in heard.lines[0]
    assert heard.lines[1] == "1 failed in a row, the next attempt is in 1 h; the one in use ends in 30 days"
    assert chain_of(folder) == before


def test_a_new_key_comes_only_when_it_is_asked_for(folder: CertificateFolder) -> None:
    renewed(folder)
    before = folder.key()
    renewed(folder, RenewSettings(Kind.PRIVATE, HOME.names, HOME.addresses, action=Action.NOW))
    same = folder.key()
    renewed(folder, RenewSettings(Kind.PRIVATE, HOME.names, HOME.addresses, action=Action.NEW_KEY))
    after = folder.key()
    assert before is not None
    assert same is not None
    assert after is not None
    assert pin_of(before.public_key()) == pin_of(same.public_key()) != pin_of(after.public_key())


def test_a_second_authority_is_made_only_when_it_is_asked_for(folder: CertificateFolder) -> None:
    renewed(folder)
    first = folder.authority()
    with pytest.raises(CertificatesRefused, match="certs init --replace"):
        run(folder, RenewSettings(Kind.PRIVATE, HOME.names, action=Action.INIT), nobody, NOW, Heard())
    assert folder.authority() == first
    renewed(folder, RenewSettings(Kind.PRIVATE, ("dns.example",), action=Action.REPLACE))
    second, pair = folder.authority(), folder.pair()
    assert second is not None
    assert second != first
    assert pair is not None
    assert why_due(pair, read_subjects(["dns.example"], []), second, NOW) == ""


def test_an_authority_that_lost_its_certificate_is_made_of_its_key_again(folder: CertificateFolder, path: Path) -> None:
    renewed(folder)
    first = folder.authority()
    (path / "authority.pem").unlink()
    renewed(folder)
    second, pair = folder.authority(), folder.pair()
    assert first is not None
    assert second is not None
    assert pair is not None
    assert (first.subject, pin_of(first.public_key())) == (second.subject, pin_of(second.public_key()))
    pair.leaf.verify_directly_issued_by(first)


# What is damaged is told, not replaced.


@pytest.mark.parametrize("name", ["chain.pem", "key.pem", "authority.pem", "authority-key.pem"])
@pytest.mark.parametrize(
    "damage", [b"", b"\0" * 400, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_damaged_file_is_reported_and_left_as_it_is(
    folder: CertificateFolder, path: Path, name: str, damage: bytes
) -> None:
    renewed(folder)
    (path / name).write_bytes(damage)
    with pytest.raises(CertificatesRefused, match=rf"certificates/{name} is damaged: .*; put it back from your backup"):
        run(folder, HOME, nobody, Epoch(NOW + 25 * DAY), Heard())
    assert (path / name).read_bytes() == damage


@pytest.mark.parametrize(("name", "says"), [("key.pem", "renew --new-key"), ("authority-key.pem", "init --replace")])
def test_a_key_that_is_gone_is_reported(folder: CertificateFolder, path: Path, name: str, says: str) -> None:
    renewed(folder)
    (path / name).unlink()
    with pytest.raises(CertificatesRefused, match=says):
        run(folder, HOME, nobody, NOW, Heard())


def test_a_key_that_others_may_read_and_a_foreign_one_are_refused(folder: CertificateFolder, path: Path) -> None:
    renewed(folder)
    (path / "key.pem").chmod(0o640)
    with pytest.raises(CertificatesRefused, match="can be read by others"):
        run(folder, HOME, nobody, NOW, Heard())
    (path / "key.pem").chmod(0o600)
    (path / "key.pem").write_bytes(key_pem(new_key()))
    with pytest.raises(CertificatesRefused, match="is not the key of"):
        run(folder, HOME, nobody, NOW, Heard())
    (path / "chain.pem").unlink()
    (path / "chain.pem").symlink_to("authority.pem")
    with pytest.raises(CertificatesRefused, match=r"certificates/chain\.pem"):
        run(folder, HOME, nobody, NOW, Heard())


# Power cuts.

_STORY = """
    import os, sys
    from anchorhold.certificates.folder import CertificateFolder
    from anchorhold.certificates.renewal import run
    from anchorhold.certificates.settings import Action, Kind, RenewSettings
    folder = CertificateFolder(os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECTORY))
    for action in (Action.DUE, Action.NOW, Action.NEW_KEY, Action.REPLACE, Action.NEW_KEY):
        run(folder, RenewSettings(Kind.PRIVATE, ("dns.home.arpa",), action=action), None, 1_795_000_000.0, lambda _: None)
        os.write(1, action.value.encode())
"""


def test_after_a_power_cut_at_any_write_the_pair_fits_and_the_next_run_goes_on(tmp_path: Path) -> None:
    ran, trace = tmp_path / "ran", tmp_path / "trace"
    ran.mkdir(mode=0o700)
    command = [peer("strace"), "-f", "-o", trace, "-e", f"trace={CALLS}", "-y", "-xx", "-s", "100000", "--"]
    subprocess.run([*command, sys.executable, "-c", textwrap.dedent(_STORY), ran], check=True, capture_output=True)
    lines = [line.partition(" ")[2].lstrip() for line in trace.read_text().splitlines()]
    calls = [call for line in lines if (call := _read_call(line))]
    disk, draw, seen, without = Disk(ran), random.Random(6), set(), 0
    for call in calls:
        disk.take(call)
        states = [disk.after_kill(), *(disk.after_cut(draw, share) for share in (0.0, 0.5, 0.5, 1.0))]
        for state in states:
            kept = frozenset(state.items())
            if kept not in seen:
                seen.add(kept)
                without += recovers(tmp_path / f"cut{len(seen)}", state)
    assert len(seen) >= 40
    assert 0 < without < len(seen)


def recovers(path: Path, state: dict[str, bytes]) -> bool:
    """True if there was no chain, and so none in use, before the next run."""
    path.mkdir(mode=0o700)
    for name, data in state.items():
        (path / name).write_bytes(data)
        (path / name).chmod(0o600)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        folder = CertificateFolder(descriptor)
        pair = folder.pair()
        assert pair is None or pin_of(pair.key.public_key()) == pin_of(pair.leaf.public_key())
        assert run(folder, RenewSettings(Kind.PRIVATE, ("dns.home.arpa",)), nobody, NOW, Heard())
        assert folder.pair() is not None
    finally:
        os.close(descriptor)
    return pair is None


# Failures.


class Refusing:
    """An authority that says no."""

    authority = None

    def issue(self, key: object, subjects: Subjects, now: Epoch) -> bytes:
        raise Failed("come back later")


class Lying:
    """An authority that signs something else."""

    authority = None

    def __init__(self, answer: bytes) -> None:
        self.answer = answer

    def issue(self, key: object, subjects: Subjects, now: Epoch) -> bytes:
        return self.answer


PUBLIC = RenewSettings(Kind.ACME, ("dns.example",))


def test_after_failures_the_pauses_grow_the_old_one_stays_and_its_end_is_told(folder: CertificateFolder) -> None:
    authority_key = new_key()
    authority = make_authority(authority_key, Subjects(("dns.example",)), NOW)
    key = new_key()
    leaf = issue(authority, authority_key, key.public_key(), Subjects(("dns.example",)), (NOW, 30))
    folder.put_pair(key, chain_pem([leaf]))
    attempts, said = [], Heard()

    def authority_asked() -> Refusing:
        attempts.append(hour)
        return Refusing()

    for hour in range(20 * 24, 26 * 24):
        assert not run(folder, PUBLIC, authority_asked, Epoch(NOW + hour * 3_600), said)
    assert [after - before for before, after in pairwise(attempts)][:6] == [1, 2, 4, 8, 16, 24]
    assert len(attempts) == 10
    assert said.lines[0] == "no new certificate: come back later"
    assert "WARNING: the one in use ends in 10 days" in said.lines[1]
    pair = folder.pair()
    assert pair is not None
    assert pair.leaf == leaf
    # A run that somebody asks for does not wait.
    hour = -1
    assert not run(folder, RenewSettings(Kind.ACME, ("dns.example",), action=Action.NOW), authority_asked, NOW, Heard())
    assert attempts[-1] == -1


class Signing:
    """A public authority."""

    authority = None

    def issue(self, key, subjects: Subjects, now: Epoch) -> bytes:  # type: ignore[no-untyped-def]
        own = new_key()
        return chain_pem([issue(make_authority(own, subjects, now), own, key.public_key(), subjects, (now, 90))])


def test_another_directory_is_asked_at_once_and_then_left_alone(folder: CertificateFolder) -> None:
    """From the private authority to one for trials, and from there to the real one; also while the last one refuses."""
    renewed(folder, RenewSettings(Kind.PRIVATE, ("dns.example",)))
    for directory in ("https://trial.example/", "https://real.example/"):
        wanted, heard = RenewSettings(Kind.ACME, ("dns.example",), acme=AcmeSettings(directory)), Heard()
        assert not run(folder, wanted, Refusing, NOW, Heard())
        other = RenewSettings(Kind.ACME, ("dns.example", "doh.example"), acme=AcmeSettings(directory))
        assert run(folder, other, Signing, NOW, heard)
        assert run(folder, wanted, Signing, NOW, heard)
        assert run(folder, wanted, nobody, NOW, heard)
        assert [line.split(",")[0] for line in heard.lines] == [
            "a new certificate (names or addresses have changed)",
            "a new certificate (names or addresses have changed)",
        ]
    moved, heard = RenewSettings(Kind.ACME, ("dns.example",), acme=AcmeSettings("https://third.example/")), Heard()
    assert run(folder, moved, Signing, NOW, heard)
    assert heard.lines[0].startswith("a new certificate (it is of another authority)")
    renewed(folder, RenewSettings(Kind.PRIVATE, ("dns.example",)))


def test_addresses_of_the_machine_count_as_far_as_the_authority_permits(folder: CertificateFolder) -> None:
    own = (ip_address("192.168.1.5"), ip_address("10.9.9.9"))
    assert run(folder, HOME, nobody, NOW, Heard(), own[:1])
    assert run(folder, HOME, nobody, NOW, heard := Heard(), own)
    assert heard.lines == []
    assert subjects_of(chain_of(folder)[0]).addresses == (*SUBJECTS.addresses, own[0])
    texts = ("192.168.1.5", "127.0.0.1", "fe80::1", "9.9.9.9", "fd00::1", "2a00::1")
    assert [text for text in texts if is_lasting(ip_address(text))] == ["192.168.1.5", "fd00::1"]


def test_what_is_no_certificate_or_somebody_elses_is_not_kept(folder: CertificateFolder) -> None:
    key = new_key()
    other = issue(
        make_authority(key, Subjects(("dns.example",)), NOW),
        key,
        key.public_key(),
        Subjects(("dns.example",)),
        (NOW, 30),
    )
    for answer, says in (
        (b"<html>", "something else than a certificate"),
        (chain_pem([other]), "another key or other names"),
    ):
        heard = Heard()
        now = RenewSettings(Kind.ACME, ("dns.example",), action=Action.NOW)
        assert not run(folder, now, lambda answer=answer: Lying(answer), NOW, heard)  # type: ignore[misc]
        assert says in heard.lines[0]
        assert heard.lines[1].endswith("there is none to serve with")
        assert folder.pair() is None


def test_a_pause_ends_when_the_clock_goes_back(folder: CertificateFolder) -> None:
    late = Epoch(NOW + 400 * DAY)
    assert not run(folder, PUBLIC, Refusing, late, Heard())
    heard = Heard()
    assert not run(folder, PUBLIC, Refusing, NOW, heard)
    assert heard.lines[0] == "no new certificate: come back later"


def test_files_from_elsewhere_are_warned_of_once_a_day_from_two_weeks_before_their_end(
    folder: CertificateFolder,
) -> None:
    key = new_key()
    leaf = issue(make_authority(key, SUBJECTS, NOW), key, key.public_key(), SUBJECTS, (NOW, 30))
    heard = Heard()
    for hour in range(15 * 24, 20 * 24 + 1):
        look(chain_pem([leaf]), folder, Epoch(NOW + hour * 3_600), heard)
    assert len(heard.lines) == 5
    assert heard.lines[0] == "the certificate ends in 14 days; put a new one in its place"
    look(b"nothing", folder, NOW, heard)
    assert heard.lines[-1].startswith("the certificate's file is no use: it holds no certificate")


# What `check` says of a pair from elsewhere.


def pair_for(names: tuple[str, ...], addresses: tuple[str, ...] = (), days: int = 30) -> Pair:
    wanted = read_subjects(names, addresses)
    key = new_key()
    return Pair((issue(make_authority(key, wanted, NOW), key, key.public_key(), wanted, (NOW, days)),), key)


def test_a_good_pair_has_no_fault() -> None:
    assert list(faults(pair_for(("dns.home.arpa",)), Subjects(("dns.home.arpa",)), NOW)) == []
    assert list(cautions(pair_for(("dns.home.arpa",)), Subjects(("dns.home.arpa",)), NOW)) == []


@pytest.mark.parametrize(
    ("pair", "now", "says"),
    [
        (pair_for(("other.example",)), NOW, "is not for dns.home.arpa"),
        (pair_for(("dns.home.arpa",)), NOW + 31 * DAY, "ended on 2026-12-18"),
        (pair_for(("dns.home.arpa",)), NOW - 31 * DAY, "begins on"),
        (Pair(pair_for(("dns.home.arpa",)).chain, new_key()), NOW, "the key is not that of"),
        (Pair(pair_for(("dns.home.arpa",)).chain + pair_for(("a.b",)).chain, new_key()), NOW, "not in order"),
    ],
)
def test_each_fault_is_told(pair: Pair, now: float, says: str) -> None:
    assert any(says in text for text in faults(pair, Subjects(("dns.home.arpa",)), Epoch(now)))


def test_an_end_that_is_near_and_an_address_that_is_missing_are_worth_a_warning() -> None:
    wanted = Subjects(("dns.home.arpa",), (ip_address("192.168.1.1"),))
    said = list(cautions(pair_for(("dns.home.arpa",)), wanted, Epoch(NOW + 20 * DAY)))
    assert "ends on 2026-12-18, in 10 days" in said[0]
    assert "is not for the address 192.168.1.1" in said[1]


def test_what_is_no_certificate_or_key_says_what_it_is_instead() -> None:
    with pytest.raises(Unusable, match="are chain and key mixed up"):
        read_chain(key_pem(new_key()))
    with pytest.raises(Unusable, match="holds no private key"):
        read_key(b"hello")
    encrypted = subprocess.run(
        [
            peer("openssl"),
            "genpkey",
            "-algorithm",
            "EC",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-aes256",
            "-pass",
            "pass:x",
        ],
        capture_output=True,
        check=True,
    ).stdout
    with pytest.raises(Unusable, match="openssl pkey"):
        read_key(encrypted)
    assert datetime.fromtimestamp(NOW, UTC).year == 2026
