"""A chain and its key: read from PEM text, and what there is to say of them at a given time. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from anchorhold.certificates.subjects import Subjects, lacking, subjects_of
from wire.units import Epoch

WARN_BEFORE = timedelta(days=14)
"""From so long before its end on a certificate that nobody has renewed is worth a warning."""


class Unusable(ValueError):
    """The text is no certificate or no key; what it is instead, without a word of its content."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The leaf first, and its key."""

    chain: tuple[x509.Certificate, ...]
    key: PrivateKeyTypes

    @property
    def leaf(self) -> x509.Certificate:
        """What a client is shown first."""
        return self.chain[0]


def read_chain(data: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates in PEM text. Raises Unusable."""
    try:
        return tuple(x509.load_pem_x509_certificates(data))
    except ValueError:
        if b"PRIVATE KEY-----" in data:
            raise Unusable("it holds a key and no certificate; are chain and key mixed up?") from None
        raise Unusable("it holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)") from None


def read_key(data: bytes) -> PrivateKeyTypes:
    """The private key in PEM text: ECDSA, RSA or Ed25519, not encrypted. Raises Unusable."""
    try:
        key = load_pem_private_key(data, None)
    except TypeError:
        raise Unusable(
            "the key is encrypted with a pass phrase; nobody is there to type it: openssl pkey -in KEY -out KEY"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise Unusable("it holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        raise Unusable("the key is neither ECDSA nor RSA nor Ed25519; make another one")
    return key


def fits(pair: Pair) -> bool:
    """Whether the key is the leaf's."""
    return pair.key.public_key() == pair.leaf.public_key()


def faults(pair: Pair, wanted: Subjects, now: Epoch) -> Iterator[str]:
    """Why no client would accept `pair` for `wanted`; what to do stands behind each."""
    leaf, date = pair.leaf, datetime.fromtimestamp(now, UTC)
    if not fits(pair):
        yield "the key is not that of the first certificate; name the pair that belongs together"
    if date >= leaf.not_valid_after_utc:
        yield f"the certificate ended on {show_date(leaf.not_valid_after_utc)}; get a new one"
    if date < leaf.not_valid_before_utc:
        yield f"the certificate begins on {show_date(leaf.not_valid_before_utc)} only; is the clock right?"
    if missing := lacking(wanted, Subjects(subjects_of(leaf).names, wanted.addresses)):
        yield f"the certificate is not for {', '.join(missing)}; get one with that name, or write another name in [secure]"
    if not _serves(leaf):
        yield "the certificate is not for TLS servers (its extended key usage says so); get one that is"
    for lower, upper in zip(pair.chain, pair.chain[1:], strict=False):
        if not is_signed_by(lower, upper):
            yield "the certificates are not in order: behind each stands the one that signed it, the leaf is the first"
            return


def cautions(pair: Pair, wanted: Subjects, now: Epoch) -> Iterator[str]:
    """What works, though not for long or not for everybody."""
    left = left_of(pair.leaf, now)
    if timedelta(0) < left <= WARN_BEFORE:
        yield f"the certificate ends on {show_date(pair.leaf.not_valid_after_utc)}, {show_left(left)}; get a new one"
    addresses = Subjects((), wanted.addresses)
    if missing := lacking(addresses, subjects_of(pair.leaf)):
        yield (
            f"the certificate is not for the address {', '.join(missing)}: devices that are given that address and no "
            "name (RFC 9462 §4.2) do not accept it"
        )


def left_of(certificate: x509.Certificate, now: Epoch) -> timedelta:
    """The time until its end; negative behind it."""
    return certificate.not_valid_after_utc - datetime.fromtimestamp(now, UTC)


def show_date(date: datetime) -> str:
    """2026-12-24."""
    return f"{date:%Y-%m-%d}"


def show_left(left: timedelta) -> str:
    """`in 3 days`, `in 5 hours`."""
    if left >= timedelta(days=2):
        return f"in {left.days} days"
    return f"in {max(left // timedelta(hours=1), 0)} hours"


def _serves(leaf: x509.Certificate) -> bool:
    try:
        usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return ExtendedKeyUsageOID.SERVER_AUTH in usage or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usage


def is_signed_by(lower: x509.Certificate, upper: x509.Certificate) -> bool:
    """Whether `upper` signed `lower`, by name and signature."""
    try:
        lower.verify_directly_issued_by(upper)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
