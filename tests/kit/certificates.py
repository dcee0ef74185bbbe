"""A certificate authority of our own, and certificates that are wrong in one way each."""

import datetime
import hashlib
import ipaddress
import ssl
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NAME = "dns.example"
DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)


@dataclass(frozen=True)
class Identity:
    """A certificate with its key, as PEM; `pin` is the SHA-256 digest of its SubjectPublicKeyInfo."""

    certificate: bytes
    key: bytes
    pin: bytes


class Authority:
    """Signs certificates; `pem` is what a client trusts."""

    def __init__(self, name: str = "Test authority") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(self._name)
            .issuer_name(self._name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - 10 * DAY)
            .not_valid_after(NOW + 3650 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.pem = certificate.public_bytes(Encoding.PEM).decode()

    def issue(self, *names: str, expired: bool = False, self_signed: bool = False) -> Identity:
        """A server certificate for `names`; literal addresses become IP entries."""
        key = ec.generate_private_key(ec.SECP256R1())
        signer, issuer = (key, _named(names[0])) if self_signed else (self._key, self._name)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_named(names[0]))
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - 5 * DAY)
            .not_valid_after(NOW - DAY if expired else NOW + 365 * DAY)
            .add_extension(x509.SubjectAlternativeName([_entry(name) for name in names]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
            .sign(signer, hashes.SHA256())
        )
        spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return Identity(
            certificate.public_bytes(Encoding.PEM),
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            hashlib.sha256(spki).digest(),
        )


@cache
def authority() -> Authority:
    """The one that tests trust; made once for a run."""
    return Authority()


@cache
def identity(kind: str) -> Identity:
    """`good`, `other-name`, `expired`, `self-signed`, `address` (for 127.0.0.1 and ::1), `foreign` (another CA)."""
    match kind:
        case "good":
            return authority().issue(NAME)
        case "other-name":
            return authority().issue("other.example")
        case "expired":
            return authority().issue(NAME, expired=True)
        case "self-signed":
            return authority().issue(NAME, self_signed=True)
        case "address":
            return authority().issue("127.0.0.1", "::1")
        case "foreign":
            return Authority("Somebody else").issue(NAME)
    raise ValueError(kind)


def server_context(identity: Identity, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    """A server's TLS context with this certificate; ssl reads keys from files only, so it has one for a moment."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "identity.pem"
        path.write_bytes(identity.key + identity.certificate)
        context.load_cert_chain(path)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _entry(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
