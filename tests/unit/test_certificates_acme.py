"""ACME against a directory that speaks RFC 8555 over HTTPS on loopback: every request's signature and nonce is checked there."""

import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import dns.rcode
import pytest
from kit.acme import Directory, Refusal, acme_directory
from kit.certificates import authority
from kit.updates import KEY_FILE, Primary, primary

from anchorhold.certificates.acme import issuer as issuing
from anchorhold.certificates.acme.issuer import AcmeIssuer
from anchorhold.certificates.acme.proofs import (
    HookPresenter,
    Proof,
    UpdatePresenter,
    presenter_for,
    read_tsig_key,
    record_name,
)
from anchorhold.certificates.authority import pin_of
from anchorhold.certificates.folder import CertificateFolder, CertificatesRefused
from anchorhold.certificates.renewal import Failed, run
from anchorhold.certificates.settings import AcmeSettings, Action, Challenge, Kind, RenewSettings, UpdateServer
from anchorhold.certificates.subjects import subjects_of
from net import clock

NAMES = ("dns.example", "*.dns.example")
TRUSTED = authority().pem.encode()


@pytest.fixture(autouse=True)
def nothing_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library waits a second before it looks for the certificate."""
    monkeypatch.setattr("acme.client.time", SimpleNamespace(sleep=lambda seconds: None))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CertificateFolder]:
    path = tmp_path / "certificates"
    path.mkdir(mode=0o700)
    monkeypatch.chdir(path)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    yield CertificateFolder(descriptor)
    os.close(descriptor)


@pytest.fixture
def server() -> Iterator[Primary]:
    with primary() as state:
        yield state


@pytest.fixture
def directory(server: Primary) -> Iterator[Directory]:
    with acme_directory(Directory(look=server.look)) as state:
        yield state


class House:
    """What one run needs, with dns-01 by dynamic update."""

    def __init__(self, folder: CertificateFolder, directory: Directory, server: Primary) -> None:
        self.folder = folder
        self.waited = 0
        self.update = UpdateServer("127.0.0.1", "example", "/etc/acme.key", server.port)
        self.settings = AcmeSettings(f"{directory.url}/directory", ("mailto:a@dns.example",), challenge=Challenge.DNS)
        self.names = NAMES
        self.said: list[str] = []
        self.presenter = UpdatePresenter(self.update, KEY_FILE, self.wait)
        self.trusted = TRUSTED

    def wait(self) -> None:
        self.waited += 1

    def run(self, action: Action = Action.NOW) -> bool:
        self.said = []
        wanted = RenewSettings(Kind.ACME, self.names, ("192.168.1.1",), action=action, acme=self.settings)
        return run(self.folder, wanted, self.issuer, clock.date(), self.said.append)

    def issuer(self) -> AcmeIssuer:
        return AcmeIssuer(self.folder, self.settings, self.presenter, self.trusted, self.said.append)


@pytest.fixture
def house(folder: CertificateFolder, directory: Directory, server: Primary) -> House:
    return House(folder, directory, server)


def test_a_certificate_by_dynamic_update_and_nothing_is_left_in_the_zone(
    house: House, directory: Directory, server: Primary
) -> None:
    assert house.run(Action.DUE)
    pair = house.folder.pair()
    assert pair is not None
    assert subjects_of(pair.leaf).names == NAMES
    assert len(pair.chain) == 2
    assert house.waited == 1
    assert server.history == [
        (what, "_acme-challenge.dns.example") for what in ("present", "present", "clean", "clean")
    ]
    assert server.texts == {"_acme-challenge.dns.example": []}
    assert directory.contacts == ["mailto:a@dns.example"]
    assert "a new certificate (there is none yet)" in house.said[0]
    assert house.run(Action.DUE)
    assert len(directory.orders) == 1


def test_the_account_and_the_key_are_kept(house: House, directory: Directory) -> None:
    assert house.run()
    first = house.folder.pair()
    assert house.run()
    second = house.folder.pair()
    assert first is not None
    assert second is not None
    assert len(directory.accounts) == 1
    assert first.leaf != second.leaf
    assert pin_of(first.leaf.public_key()) == pin_of(second.leaf.public_key())


def test_a_stale_nonce_is_tried_again(house: House, directory: Directory) -> None:
    directory.stale_nonces = 1
    assert house.run()


def test_a_certificate_by_an_answer_at_port_80_and_nothing_else_is_answered_there(
    house: House, directory: Directory
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        directory.port = listener.getsockname()[1]
        house.settings = replace(house.settings, challenge=Challenge.HTTP)
        house.names = ("dns.example", "doh.example")
        house.presenter = presenter_for(house.settings, b"", listener)
        assert house.run()
        proofs = [Proof("dns.example", "token", "token.print")]
        house.presenter.present(proofs)
        for path, status in (("/", b"404"), ("/.well-known/acme-challenge/token", b"200"), ("/../etc/passwd", b"404")):
            with socket.create_connection(listener.getsockname()) as client:
                client.sendall(b"GET " + path.encode() + b" HTTP/1.0\r\n\r\n")
                answer = client.makefile("rb").read()
            assert answer.split()[1] == status
            assert answer.endswith(b"token.print") is (status == b"200")
        house.presenter.clean(proofs)
    pair = house.folder.pair()
    assert pair is not None
    assert subjects_of(pair.leaf).names == ("dns.example", "doh.example")


def test_a_hook_is_given_names_and_values_as_arguments_and_no_shell(
    house: House, directory: Directory, tmp_path: Path
) -> None:
    log = tmp_path / "calls"
    program = "import sys; open(sys.argv[1], 'a').write('|'.join(sys.argv[2:]) + '\\n')"
    directory.look = lambda name: [
        line.split("|")[3] for line in log.read_text().splitlines() if line.startswith(f"; rm -rf|present|{name}|")
    ]
    hook = (sys.executable, "-c", program, str(log), "; rm -rf")
    house.presenter = HookPresenter(hook, house.wait)
    assert house.run()
    assert [line.split("|")[1:3] for line in log.read_text().splitlines()] == [
        [what, "_acme-challenge.dns.example"] for what in ("present", "present", "clean", "clean")
    ]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda h, d, s: setattr(d, "look", lambda name: []),
            "the authority did not find our proof: dns.example: found []",
        ),
        (
            lambda h, d, s: setattr(d, "refuse", Refusal("rateLimited", "too many\nof them")),
            "refused: too many of them",
        ),
        (
            lambda h, d, s: setattr(d, "terms", "https://terms.example/"),
            "read https://terms.example/ and write terms_agreed",
        ),
        (lambda h, d, s: setattr(d, "external", True), "external account binding"),
        (lambda h, d, s: setattr(d, "challenges", ("http-01",)), "does not take dns-01 for dns.example, only http-01"),
        (lambda h, d, s: setattr(d, "answer", b"<html>"), "something else than a certificate"),
        (lambda h, d, s: setattr(s, "rcode", dns.rcode.REFUSED), "refused the update (REFUSED)"),
        (lambda h, d, s: setattr(h, "trusted", b""), "no connection to https://127.0.0.1"),
        (lambda h, d, s: setattr(d, "names_of", lambda: {"hello": 1}), "does not speak ACME as it should"),
    ],
)
def test_each_failure_says_why_keeps_the_old_one_and_clears_up(  # type: ignore[no-untyped-def]
    house: House, directory: Directory, server: Primary, monkeypatch: pytest.MonkeyPatch, change, says: str
) -> None:
    monkeypatch.setattr(issuing, "BUNDLES", (str(Path(__file__)),))  # one without any authority
    assert house.run()
    before = house.folder.pair()
    server.history.clear()
    change(house, directory, server)
    if says.startswith("does not take"):
        directory.orders.clear()
    assert not house.run()
    after = house.folder.pair()
    assert before is not None
    assert after is not None
    assert after.leaf == before.leaf
    assert says in house.said[-2] if len(house.said) > 1 else False
    assert "the next attempt is in 1 h; the one in use ends in 88 days" in house.said[-1]
    assert server.texts == {"_acme-challenge.dns.example": []}


def test_terms_that_are_agreed_to_are_no_hindrance(house: House, directory: Directory) -> None:
    directory.terms = "https://terms.example/"
    house.settings = replace(house.settings, terms_agreed=True)
    assert house.run()


def test_a_primary_that_is_not_there_is_named(house: House) -> None:
    house.presenter = UpdatePresenter(replace(house.update, port=1), KEY_FILE, house.wait)
    assert not house.run()
    assert "the server 127.0.0.1 at port 1 took no update" in "\n".join(house.said)


@pytest.mark.parametrize(
    ("program", "says"),
    [
        (("/nowhere/hook",), "the service's user must be able to run it"),
        (("/bin/false",), "/bin/false present ended with exit code 1"),
    ],
)
def test_a_hook_that_fails_is_named(program: tuple[str, ...], says: str) -> None:
    with pytest.raises(Failed, match=says):
        HookPresenter(program, lambda: None).present([Proof("dns.example", "t", "v")])


def test_what_the_settings_lack_is_told(tmp_path: Path) -> None:
    settings = AcmeSettings("https://acme.example/directory", challenge=Challenge.DNS)
    with pytest.raises(CertificatesRefused, match="update or hook"):
        presenter_for(settings, b"", None)
    with pytest.raises(CertificatesRefused, match="port 80"):
        presenter_for(replace(settings, challenge=Challenge.HTTP), b"", None)
    assert isinstance(presenter_for(replace(settings, hook=("/bin/true",)), b"", None), HookPresenter)


@pytest.mark.parametrize("data", [b"", b"key {", b'key "a" { algorithm hmac-sha256; };', b"\xff" * 20, b"secret"])
def test_what_is_no_tsig_key_is_refused_without_its_content(data: bytes) -> None:
    with pytest.raises(CertificatesRefused, match=r"k\.file holds no TSIG key; write: key") as refused:
        read_tsig_key(data, "k.file")
    assert data.decode("latin-1") not in str(refused.value) or data in (b"", b"secret")


@pytest.mark.parametrize(
    "data", [b'key "a" { algorithm rot13; secret "aGVsbG8="; };', b"key a { algorithm hmac-sha256; secret x; };"]
)
def test_an_algorithm_or_secret_of_no_use_is_refused(data: bytes) -> None:
    with pytest.raises(CertificatesRefused, match="algorithm or secret is none that is known"):
        read_tsig_key(data, "k.file")


def test_a_wildcards_record_is_at_the_name_below_it() -> None:
    assert record_name(Proof("*.dns.example", "t", "v")).to_text() == "_acme-challenge.dns.example."
