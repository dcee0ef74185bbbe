"""The private authority: its own certificate, and the leaf that it signs. Keys and the time are arguments."""

import hashlib
from base64 import b64encode
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from anchorhold.certificates.subjects import Subjects, constraints_for, general_names, refused_by
from wire.units import Epoch

AUTHORITY_LIFE = timedelta(days=3_650)
"""Devices are given it by hand, so for as long as devices last."""

EARLIER = timedelta(hours=26)
"""How long before now a certificate begins: clocks of devices are behind, and some show local time as UTC."""

_SIGNS = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
_CERTIFIES = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
_SERVER = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])


class NotPermitted(Exception):
    """The authority may not sign for this; the text says what to do."""


def new_key() -> ec.EllipticCurvePrivateKey:
    """From the system's random source; P-256, which every device knows."""
    return ec.generate_private_key(ec.SECP256R1())


def make_authority(key: ec.EllipticCurvePrivateKey, subjects: Subjects, now: Epoch) -> x509.Certificate:
    """The authority's certificate: for servers only, and for no name or address but those in `constraints_for`.

    With the same key and first name it has the same name, so that devices that trust a former one trust it still.
    """
    date = _date(now)
    name = _authority_name(subjects.names[0], key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(date - EARLIER)
        .not_valid_after(date + AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_CERTIFIES, critical=True)
        .add_extension(_SERVER, critical=False)
        # > Conforming CAs MUST mark this extension as critical (RFC 5280 §4.2.1.10)
        .add_extension(constraints_for(subjects), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def issue(
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    key: PublicKeyTypes,
    subjects: Subjects,
    span: tuple[Epoch, int],
) -> x509.Certificate:
    """A leaf for `key`, from `span[0]` for `span[1]` days; not longer than the authority itself. Raises NotPermitted."""
    refused = refused_by(authority.extensions.get_extension_for_class(x509.NameConstraints).value, subjects)
    if refused:
        raise NotPermitted(
            f"the private authority was not made for {', '.join(refused)}; make a new one, which every device has to be "
            "given again: anchorhold certs init --replace"
        )
    now, days = span
    date = _date(now)
    own = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        x509.CertificateBuilder()
        .subject_name(_common_name(subjects.names[0], "resolver"))
        .issuer_name(authority.subject)
        .public_key(key)  # type: ignore[arg-type] # ours are on P-256
        .serial_number(x509.random_serial_number())
        .not_valid_before(date - EARLIER)
        .not_valid_after(min(date + timedelta(days=days), authority.not_valid_after_utc))
        .add_extension(x509.SubjectAlternativeName(general_names(subjects)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_SIGNS, critical=True)
        .add_extension(_SERVER, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own), critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """PKCS #8 in PEM, not encrypted: the service starts without anybody at the keyboard."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def chain_pem(chain: list[x509.Certificate]) -> bytes:
    """One after another."""
    return b"".join(one.public_bytes(Encoding.PEM) for one in chain)


def pin_of(key: PublicKeyTypes) -> str:
    """The SHA-256 digest of the SubjectPublicKeyInfo, base64 (RFC 7858 §4.2): what `pins` of another resolver takes."""
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b64encode(hashlib.sha256(spki).digest()).decode()


def fingerprint_of(certificate: x509.Certificate) -> str:
    """SHA-256 of the whole certificate as devices show it: pairs of digits with colons."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _date(now: Epoch) -> datetime:
    return datetime.fromtimestamp(int(now), UTC)


def _authority_name(name: str, key: ec.EllipticCurvePublicKey) -> x509.Name:
    """Two authorities for the same name must not be mixed up by anybody: a piece of the key's digest is in it."""
    digest = x509.SubjectKeyIdentifier.from_public_key(key).digest.hex()[:8]
    return _common_name(f"Anchorhold {name} {digest}", f"Anchorhold {digest}")


def _common_name(text: str, otherwise: str) -> x509.Name:
    """A common name is at most 64 letters long (RFC 5280 appendix A, ub-common-name)."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text if len(text) <= 64 else otherwise)])
