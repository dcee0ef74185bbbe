"""Proof of a server by its certificate where `ssl` does not do the handshake, as in QUIC; what is proved is the same."""

import hmac
import ipaddress
import ssl
import warnings
from collections.abc import Sequence
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    ServerVerifier,
    Store,
    VerificationError,
)

from net.tls import Peer, PinRefused, TlsClient, spki_digest


class Unproved(Exception):
    """The certificate does not prove the peer; the text holds neither name nor address."""


def prove_certificate(tls: TlsClient, leaf: x509.Certificate, chain: Sequence[x509.Certificate], address: str) -> None:
    """Whether `leaf` is the peer's that `tls` means, dialled at `address`, with `chain` as it was sent.

    As `TlsClient` proves it over TCP: a pin alone if there are any, else name, dates and authorities; nothing if the peer
    need not be proved. Raises Unproved.
    """
    peer = tls.peer
    if not peer.verify:
        return
    if peer.pins:
        _prove_pin(peer, leaf)
        return
    try:
        _verifier(tls, address).verify(leaf, list(chain))
    except (VerificationError, ValueError) as error:
        raise Unproved("certificate verify failed") from error


def _prove_pin(peer: Peer, leaf: x509.Certificate) -> None:
    try:
        found = spki_digest(leaf.public_bytes(Encoding.DER))
    except PinRefused:
        raise Unproved("no pin matches") from None
    matches = [hmac.compare_digest(found, pin) for pin in peer.pins]  # all, so that time does not tell which
    if not any(matches):
        raise Unproved("no pin matches")


def _verifier(tls: TlsClient, address: str) -> ServerVerifier:
    """Raises ValueError if there are no authorities, or the name is none that a certificate can hold."""
    store = _listed(tls.peer.authorities) if tls.peer.authorities else _loaded(tls.context)
    builder = PolicyBuilder().store(store).extension_policies(ca_policy=_AUTHORITY, ee_policy=_SERVER)
    name = tls.server_name(address)
    try:
        subject: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        subject = x509.DNSName(name)
    return builder.build_server_verifier(subject)  # type: ignore[arg-type]  # one of the two that it takes


@lru_cache(maxsize=32)
def _listed(authorities: str) -> Store:
    return Store(x509.load_pem_x509_certificates(authorities.encode()))


@lru_cache(maxsize=8)
def _loaded(context: ssl.SSLContext) -> Store:
    """The system's authorities, as the context read them when it was made: a cell in its sandbox opens no file later."""
    certificates = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)  # old roots with odd serial numbers
        for encoded in context.get_ca_certs(binary_form=True):
            try:
                certificates.append(x509.load_der_x509_certificate(encoded))
            except ValueError:
                continue  # one that this parser cannot read proves nothing; the others stand
    return Store(certificates)


def _is_authority(policy: Policy, certificate: x509.Certificate, extension: x509.BasicConstraints) -> None:
    if not extension.ca:
        raise ValueError("it is no authority's certificate")


def _may_sign(policy: Policy, certificate: x509.Certificate, extension: x509.KeyUsage | None) -> None:
    if extension is not None and not extension.key_cert_sign:
        raise ValueError("an authority's key may not sign certificates")


def _may_serve(policy: Policy, certificate: x509.Certificate, extension: x509.ExtendedKeyUsage | None) -> None:
    if extension is not None and SERVING.isdisjoint(extension):
        raise ValueError("it is not for servers")


SERVING = frozenset({ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})

# What RFC 5280 §6 makes a proof, and no more: the web's own rules (which extensions are critical, and must be there) are broken
# by many private authorities. OpenSSL does not ask for them, and a server should be proved over TCP and QUIC alike.
_AUTHORITY = (
    ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, _is_authority)
    .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _may_sign)
    .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _may_serve)
)
_SERVER = (
    ExtensionPolicy.permit_all()
    .require_present(x509.SubjectAlternativeName, Criticality.AGNOSTIC, None)
    .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _may_serve)
)
