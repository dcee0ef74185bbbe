"""Whether IANA has signed it: real signatures of an authority that the test makes, checked by the real OpenSSL."""

import datetime
from pathlib import Path

import pytest
from cryptography import x509
from kit.iana import MailAuthority, document, mail_authority

from anchorhold import signed_document
from anchorhold.signed_document import SIGNER, SignatureRefused, packaged_authority, require_signature

DOCUMENT = document()


@pytest.mark.parametrize("pem", [False, True])
def test_a_signature_by_iana_is_taken(pem: bool) -> None:
    signature = mail_authority().certify(SIGNER).sign(DOCUMENT, pem=pem)
    require_signature(DOCUMENT, signature, mail_authority().pem)


def refusal(document: bytes, signature: bytes, authorities: bytes) -> str:
    with pytest.raises(SignatureRefused) as refused:
        require_signature(document, signature, authorities)
    return str(refused.value)


def test_one_changed_octet_is_seen_and_so_are_changed_line_ends() -> None:
    signature = mail_authority().certify(SIGNER).sign(DOCUMENT)
    for other in (DOCUMENT.replace(b"38696", b"38697"), DOCUMENT.replace(b"\n", b"\r\n"), b""):
        assert "verification failure" in refusal(other, signature, mail_authority().pem)


def test_another_authority_is_not_trusted_nor_are_the_systems() -> None:
    signature = MailAuthority("Somebody else").certify(SIGNER).sign(DOCUMENT)
    assert "unable to get local issuer certificate" in refusal(DOCUMENT, signature, mail_authority().pem)
    signature = MailAuthority().certify(SIGNER).sign(DOCUMENT)  # of the same name
    assert "certificate signature failure" in refusal(DOCUMENT, signature, mail_authority().pem)


def test_a_certificate_of_somebody_else_is_not_ianas() -> None:
    signature = mail_authority().certify("somebody@icann.example").sign(DOCUMENT)
    assert f"signed by somebody@icann.example, not by {SIGNER}" in refusal(DOCUMENT, signature, mail_authority().pem)


def test_a_certificate_whose_time_is_over_or_that_is_for_servers_is_no_use() -> None:
    ended = mail_authority().certify(SIGNER, ended=True).sign(DOCUMENT)
    assert "certificate has expired" in refusal(DOCUMENT, ended, mail_authority().pem)
    server = mail_authority().certify(SIGNER, server=True).sign(DOCUMENT)
    assert "purpose" in refusal(DOCUMENT, server, mail_authority().pem)


@pytest.mark.parametrize("signature", [b"", b"no signature", b"-----BEGIN CMS-----\nAAAA\n-----END CMS-----\n"])
def test_what_is_no_signature_is_said(signature: bytes) -> None:
    assert "openssl says:" in refusal(DOCUMENT, signature, mail_authority().pem)


def test_authorities_that_are_none_are_said() -> None:
    signature = mail_authority().certify(SIGNER).sign(DOCUMENT)
    assert "openssl says:" in refusal(DOCUMENT, signature, b"no certificate")


def test_without_openssl_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "apt install openssl" in refusal(DOCUMENT, b"", b"")


def test_an_openssl_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "openssl"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(signed_document.shutil, "which", lambda _: str(program))
    monkeypatch.setattr(signed_document, "PATIENCE", 0.05)
    assert "did not end" in refusal(DOCUMENT, b"", b"")


def test_the_packaged_authority_is_icanns_and_signed_by_itself() -> None:
    (certificate,) = x509.load_pem_x509_certificates(packaged_authority())
    certificate.verify_directly_issued_by(certificate)
    assert "CN=ICANN Root CA" in certificate.subject.rfc4514_string()
    assert datetime.datetime(2029, 12, 18, 4, 19, 12, tzinfo=datetime.UTC) == certificate.not_valid_after_utc
    fingerprint = "aee89906d7cc60c5e151f3bb923abf8a1b28dc855d5e2127cb524ead4aad603d"
    from cryptography.hazmat.primitives.hashes import SHA256

    assert fingerprint == certificate.fingerprint(SHA256()).hex()
