"""What proves a server over QUIC: chains, names, purposes and dates, as OpenSSL would see them over TCP."""

import datetime
import ipaddress
from dataclasses import dataclass, replace

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from net.proof import Unproved, prove_certificate
from net.tls import Peer, TlsFactory, spki_digest

NAME = "dns.example"
DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
SIGNING = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
SERVING = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])


@dataclass(frozen=True)
class Entity:
    """Who has a key and a certificate; `signer` None means itself."""

    name: str
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = ()
    days: tuple[int, int] = (-5, 100)


def authority(name: str = "root", length: int | None = None, *more: x509.ExtensionType) -> Entity:
    basic = x509.BasicConstraints(ca=True, path_length=length)
    return Entity(name, ((basic, True), (SIGNING, True), *((one, True) for one in more)))


def server(*names: str, more: tuple[x509.ExtensionType, ...] = (SERVING,)) -> Entity:
    entries: list[x509.GeneralName] = []
    for name in names:
        try:
            entries.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            entries.append(x509.DNSName(name))
    held = ((x509.SubjectAlternativeName(entries), False),) if entries else ()
    return Entity("server", (*held, *((one, False) for one in more)))


def chain(*entities: Entity) -> list[x509.Certificate]:
    """Certificates from the root down, each signed by the one before, the first by itself."""
    made: list[x509.Certificate] = []
    keys: list[ec.EllipticCurvePrivateKey] = []
    for entity in entities:
        keys.append(ec.generate_private_key(ec.SECP256R1()))
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, entity.name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(made[-1].subject if made else subject)
            .public_key(keys[-1].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW + entity.days[0] * DAY)
            .not_valid_after(NOW + entity.days[1] * DAY)
        )
        for extension, critical in entity.extensions:
            builder = builder.add_extension(extension, critical)
        made.append(builder.sign(keys[-2] if len(keys) > 1 else keys[-1], hashes.SHA256()))
    return made


def judge(*entities: Entity, name: str = NAME, address: str = "192.0.2.1", peer: Peer | None = None) -> str:
    root, *others = chain(*entities)
    wanted = peer or Peer(name)
    tls = TlsFactory().client(replace(wanted, authorities=root.public_bytes(Encoding.PEM).decode()))
    try:
        prove_certificate(tls, others[-1], others[:-1], address)
    except Unproved as error:
        return str(error)
    return "proved"


REFUSED = "certificate verify failed"
FOR_CLIENTS = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
FOR_ANYTHING = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
CRITICAL_UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\5\0")
ONLY = x509.NameConstraints([x509.DNSName("other.example")], None)
NO_CA = Entity("middle", ((x509.BasicConstraints(ca=False, path_length=None), True),))
NO_SIGNER = Entity(
    "middle",
    (
        (x509.BasicConstraints(ca=True, path_length=None), True),
        (x509.KeyUsage(True, False, False, False, False, False, False, False, False), True),
    ),
)
BARE_CA = Entity("root", ((x509.BasicConstraints(ca=True, path_length=None), False),))
CRITICAL_NAME = Entity("server", ((x509.SubjectAlternativeName([x509.DNSName(NAME)]), True),))

CASES: dict[str, tuple[tuple[Entity, ...], str]] = {
    "the usual": ((authority(), server(NAME)), "proved"),
    "an intermediate": ((authority(), authority("middle", 0), server(NAME)), "proved"),
    "a wildcard": ((authority(), server("*.example")), "proved"),
    "no purpose": ((authority(), server(NAME, more=())), "proved"),
    "any purpose": ((authority(), server(NAME, more=(FOR_ANYTHING,))), "proved"),
    "an authority without key usage": ((BARE_CA, server(NAME)), "proved"),
    "the name in a critical extension": ((authority(), CRITICAL_NAME), "proved"),
    "another name": ((authority(), server("other.example")), REFUSED),
    "a wildcard for more": ((authority(), server("*.dns.example")), REFUSED),
    "a name in the subject only": ((authority(), replace(server(), name=NAME)), REFUSED),
    "for clients": ((authority(), server(NAME, more=(FOR_CLIENTS,))), REFUSED),
    "an authority for clients": ((authority(), authority("middle", None, FOR_CLIENTS), server(NAME)), REFUSED),
    "an intermediate that is none": ((authority(), NO_CA, server(NAME)), REFUSED),
    "an intermediate that may not sign": ((authority(), NO_SIGNER, server(NAME)), REFUSED),
    "a chain that is too long": ((authority("root", 0), authority("middle"), server(NAME)), REFUSED),
    "names that the authority may not vouch for": ((authority("root", None, ONLY), server(NAME)), REFUSED),
    "an unknown critical extension": (
        (authority(), Entity("server", (*server(NAME).extensions, (CRITICAL_UNKNOWN, True)))),
        REFUSED,
    ),
    "expired": ((authority(), replace(server(NAME), days=(-9, -1))), REFUSED),
    "not yet valid": ((authority(), replace(server(NAME), days=(1, 9))), REFUSED),
    "an expired intermediate": ((authority(), replace(authority("middle"), days=(-9, -1)), server(NAME)), REFUSED),
}


@pytest.mark.parametrize("case", CASES)
def test_a_chain_proves_what_rfc_5280_lets_it(case: str) -> None:
    entities, expected = CASES[case]
    assert judge(*entities) == expected


def test_a_literal_address_is_a_name_too() -> None:
    assert judge(authority(), server("192.0.2.1"), name="192.0.2.1") == "proved"
    assert judge(authority(), server("2001:db8::1"), name="2001:db8::1") == "proved"
    assert judge(authority(), server("192.0.2.2"), name="192.0.2.1") == REFUSED
    assert judge(authority(), server("192.0.2.1"), name="", address="192.0.2.1") == "proved"


def test_another_authority_of_the_same_name_proves_nothing() -> None:
    (ours, _), (_, theirs) = chain(authority(), server(NAME)), chain(authority(), server(NAME))
    tls = TlsFactory().client(Peer(NAME, authorities=ours.public_bytes(Encoding.PEM).decode()))
    with pytest.raises(Unproved, match="verify failed"):
        prove_certificate(tls, theirs, [], "192.0.2.1")


def test_the_systems_authorities_are_those_of_tls() -> None:
    tls = TlsFactory().client(Peer(NAME))
    with pytest.raises(Unproved, match="verify failed"):
        prove_certificate(tls, chain(authority(), server(NAME))[-1], [], "192.0.2.1")


def test_a_pin_alone_proves_whatever_the_name_and_date() -> None:
    leaf = chain(authority(), replace(server("other.example"), days=(-9, -1)))[-1]
    pin = spki_digest(leaf.public_bytes(Encoding.DER))
    prove_certificate(TlsFactory().client(Peer(NAME, pins=(bytes(32), pin))), leaf, [], "192.0.2.1")
    with pytest.raises(Unproved, match="no pin matches"):
        prove_certificate(TlsFactory().client(Peer(NAME, pins=(bytes(32),))), leaf, [], "192.0.2.1")


def test_whoever_need_not_be_proved_is_not() -> None:
    leaf = chain(authority(), server("other.example"))[-1]
    prove_certificate(TlsFactory().client(Peer(NAME, verify=False)), leaf, [], "192.0.2.1")


def test_certificates_of_a_usual_private_authority_are_taken() -> None:
    made = trustme.CA()
    leaf = x509.load_pem_x509_certificate(made.issue_cert(NAME).cert_chain_pems[0].bytes())
    tls = TlsFactory().client(Peer(NAME, authorities=made.cert_pem.bytes().decode()))
    prove_certificate(tls, leaf, [], "192.0.2.1")
