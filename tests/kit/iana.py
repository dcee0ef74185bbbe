"""What IANA publishes of the root's keys, as a document and signed by an authority of the test's own."""

import datetime
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)

KSK_2010_DIGEST = "49AAC11D7B6F6446702E54A1607371607A1A41855200FD2CE1CDDE32F24E8FB5"
KSK_2017_DIGEST = "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"
KSK_2024_DIGEST = "683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16"
KSK_2017 = (
    "AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4+B5xQlN"
    "Vz8Og8kvArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eN"
    "buv7pr+eoZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8sub"
    "X2Nn6UwNR1AkUTV74bU="
)
KSK_2024 = (
    "AwEAAa96jeuknZlaeSrvyAJj6ZHv28hhOKkx3rLGXVaC6rXTsDc449/cidltpkyGwCJNnOAlFNKF2jBosZBU5eeHspaQWOmOElZsjICM"
    "QMC3aeHbGiShvZsx4wMYSjH8e7Vrhbu6irwCzVBApESjbUdpWWmEnhathWu1jo+siFUiRAAxm9qyJNg/wOZqqzL/dL/q8PkcRU5oUKEpUge71M3e"
    "j2/7CPqpdVwuMoTvoB+ZOT4YeGyxMvHmbrxlFzGOHOijtzN+u1TQNatX2XBuzZNQ1K+s2CXkPIZo7s6JgZyvaBevYtxPvYLw4z9mR7K2vaF18UYH"
    "9Z9GNUUeayffKC73PYc="
)


def digest(
    tag: int, value: str, since: str, until: str = "", public: str = "", *, identity: str = "K", algorithm: int = 8
) -> str:
    """One KeyDigest element."""
    end = f' validUntil="{until}"' if until else ""
    key = f"<PublicKey>{public}</PublicKey><Flags>257</Flags>" if public else ""
    return (
        f'<KeyDigest id="{identity}" validFrom="{since}"{end}>\n<KeyTag>{tag}</KeyTag><Algorithm>{algorithm}</Algorithm>'
        f"<DigestType>2</DigestType>\n<Digest>\n{value}\n</Digest>{key}</KeyDigest>\n"
    )


def document(*digests: str) -> bytes:
    """`root-anchors.xml` with these KeyDigest elements; without any, the three that IANA has published so far."""
    elements = "".join(digests) or (
        digest(19036, KSK_2010_DIGEST, "2010-07-15T00:00:00+00:00", "2019-01-11T00:00:00+00:00", identity="Kjqmt7v")
        + digest(20326, KSK_2017_DIGEST, "2017-02-02T00:00:00+00:00", public=KSK_2017, identity="Klajeyz")
        + digest(38696, KSK_2024_DIGEST, "2024-07-18T00:00:00+00:00", public=KSK_2024, identity="Kmyv6jo")
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<TrustAnchor id="0C05FDD6" source="http://data.example/root-anchors.xml">\n'
        f"<Zone>.</Zone>\n{elements}</TrustAnchor>\n"
    ).encode()


@dataclass(frozen=True)
class Signatory:
    """A certificate with its key, PEM."""

    certificate: bytes
    key: bytes

    def sign(self, data: bytes, *, pem: bool = False) -> bytes:
        """A detached CMS signature."""
        with tempfile.TemporaryDirectory() as folder:
            for name, content in (("c", self.certificate), ("k", self.key), ("d", data)):
                Path(folder, name).write_bytes(content)
            command = ["openssl", "cms", "-sign", "-binary", "-in", "d", "-signer", "c", "-inkey", "k", "-out", "s"]
            subprocess.run([*command, "-outform", "PEM" if pem else "DER"], cwd=folder, check=True)
            return Path(folder, "s").read_bytes()


class MailAuthority:
    """Certifies e-mail addresses, as ICANN's does."""

    def __init__(self, name: str = "Test authority for mail") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder().subject_name(self._name).issuer_name(self._name)
        builder = builder.public_key(self._key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - 10 * DAY).not_valid_after(now + 3650 * DAY)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.pem = builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)

    def certify(self, address: str, *, ended: bool = False, server: bool = False) -> Signatory:
        """A signer; `ended`: its time is over; `server`: it is for TLS servers, not for mail."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.UTC)
        usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.EMAIL_PROTECTION
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Signer")])
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(self._name)
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - 5 * DAY).not_valid_after(now - DAY if ended else now + 365 * DAY)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.RFC822Name(address)]), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return Signatory(
            certificate.public_bytes(Encoding.PEM),
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        )


@cache
def mail_authority() -> MailAuthority:
    """The one that tests trust; made once for a run."""
    return MailAuthority()
