"""Whether IANA has signed a document: the S/MIME signature beside `root-anchors.xml` (RFC 9718 §3), checked by OpenSSL.

The document's bytes come in and go, as they are, into a folder of our own for `openssl cms`: what was checked is what is read.
No certificate is trusted but those given; the system's are left out, or any authority could sign for the root.
"""

import shutil
import subprocess
import tempfile
from functools import cache
from importlib.resources import files
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

SIGNER = "dnssec@iana.org"
"""Whose certificate it must be: ICANN's authority certifies others too."""

PACKAGED_AUTHORITY = "data/trust-anchors/icann.pem"
"""In the package `anchorhold`; trust-anchors/README.md says where it is from."""

PATIENCE = 20.0
"""Seconds for OpenSSL."""

_PEM = b"-----BEGIN "


class SignatureRefused(Exception):
    """The signature does not show that IANA has signed these bytes; the text says why and what to do."""


@cache
def packaged_authority() -> bytes:
    """ICANN's authority (PEM) as it comes with the program."""
    return files("anchorhold").joinpath(PACKAGED_AUTHORITY).read_bytes()


def require_signature(document: bytes, signature: bytes, authorities: bytes, signer: str = SIGNER) -> None:
    """Raises SignatureRefused unless `signature` (CMS, detached, DER or PEM) is one over `document` by a certificate of
    `signer`, an e-mail address, that leads to one of `authorities` (PEM) and is valid today."""
    program = shutil.which("openssl")
    if program is None:
        raise SignatureRefused(
            "the program openssl is not there, which checks the signature; on Debian: apt install openssl"
        )
    with tempfile.TemporaryDirectory(prefix="anchorhold-") as folder:
        place = Path(folder)
        for name, data in (("document", document), ("signature", signature), ("authorities", authorities)):
            place.joinpath(name).write_bytes(data)
        _verify(program, place, "PEM" if signature.startswith(_PEM) else "DER")
        _require_signer(place.joinpath("signer").read_bytes(), signer)


def _verify(program: str, place: Path, form: str) -> None:
    # -binary: the bytes as they are, no line ends put right first.
    command = [program, "cms", "-verify", "-binary", "-purpose", "smimesign", "-inform", form, "-out", "/dev/null"]
    command += ["-no-CApath", "-no-CAstore", "-CAfile", "authorities", "-in", "signature", "-content", "document"]
    try:
        done = subprocess.run(  # noqa: S603 # arguments of our own, no shell
            [*command, "-signer", "signer"],
            cwd=place,
            env={"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SignatureRefused(f"openssl did not end within {PATIENCE:.0f} s") from None
    except OSError as error:
        raise SignatureRefused(f"openssl cannot be started: {error.strerror}") from None
    if done.returncode != 0:
        raise SignatureRefused(f"openssl says: {_reason(done.stderr.decode('utf-8', 'replace'))}")


def _reason(said: str) -> str:
    """The reasons in its error lines (`ID:error:CODE:library:function:reason:file:line:detail`), in its own words."""
    found = []
    for line in said.splitlines():
        fields = line.split(":", 8)
        if len(fields) == 9 and fields[1] == "error":
            found.append(fields[8].strip() or fields[5])
    last = said.strip().splitlines()[-1:]
    return "; ".join(dict.fromkeys(found)) or "".join(last) or "nothing"


def _require_signer(pem: bytes, wanted: str) -> None:
    try:
        certificates = x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise SignatureRefused("openssl names no signer") from None
    for certificate in certificates:
        if wanted not in _addresses(certificate):
            found = ", ".join(_addresses(certificate)) or "nobody named"
            raise SignatureRefused(f"it is signed by {found}, not by {wanted}")


def _addresses(certificate: x509.Certificate) -> list[str]:
    found = [str(entry.value) for entry in certificate.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)]
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return found
    return found + names.get_values_for_type(x509.RFC822Name)
