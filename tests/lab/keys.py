"""Keys as the signers of other projects want them: made from names, so that they are the same in every run, and written as
the pair of files that BIND, Knot and ldns read alike. Of RSA there are as many as roles, made anew in each run."""

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS

RSA_BITS = 2_048
ZSK, KSK, REVOKED = 256, 257, 257 | 128
"""Flags of a DNSKEY (RFC 4034 §2.1.1, RFC 5011 §7). A zone that has no ZSK is signed by its KSK alone."""

NAMES = {
    5: "RSASHA1", 7: "NSEC3RSASHA1", 8: "RSASHA256", 10: "RSASHA512",
    13: "ECDSAP256SHA256", 14: "ECDSAP384SHA384", 15: "ED25519", 16: "ED448",
}  # fmt: skip
"""As the private key file spells them."""

DIGESTS = {1: hashlib.sha1, 2: hashlib.sha256, 4: hashlib.sha384}

PrivateKey = ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a zone. `active`: it signs; else it is only published. `seed` tells keys of one zone apart."""

    algorithm: int = 13
    flags: int = KSK
    seed: str = ""
    active: bool = True


@dataclass(frozen=True, slots=True)
class Vouch:
    """One DS of a zone: of which of its keys, with which digest. `wrong`: the digest is of nothing. `algorithm`: the number
    it shows, if that is not the key's."""

    key: Key
    digest: int = 2
    wrong: bool = False
    algorithm: int = 0


@cache
def private_key(origin: str, key: Key) -> PrivateKey:
    seed = hashlib.sha512(
        f"lab {origin} {key.algorithm} {key.flags & ZSK | key.flags & 1} {key.seed}".encode()
    ).digest()
    match key.algorithm:
        case 13:
            return ec.derive_private_key(int.from_bytes(seed[:32], "big") >> 1, ec.SECP256R1())
        case 14:
            return ec.derive_private_key(int.from_bytes(seed[:48], "big") >> 1, ec.SECP384R1())
        case 15:
            return ed25519.Ed25519PrivateKey.from_private_bytes(seed[:32])
        case 16:
            return ed448.Ed448PrivateKey.from_private_bytes(seed[:57])
        case _:
            return _rsa(f"{key.flags & 1} {key.seed}")


@cache
def _rsa(role: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, RSA_BITS)


def dnskey_of(origin: str, key: Key) -> DNSKEY:
    """The public half as a record."""
    return dns.dnssec.make_dnskey(private_key(origin, key).public_key(), key.algorithm, key.flags)


def ds_of(origin: str, vouch: Vouch) -> DS:
    """RFC 4034 §5.1.4. A digest that nobody knows is SHA-256 under another number."""
    dnskey = dnskey_of(origin, vouch.key)
    data = dns.name.from_text(origin).canonicalize().to_wire() + dnskey.to_wire()
    digest = DIGESTS.get(vouch.digest, hashlib.sha256)(b"wrong" * vouch.wrong + data).digest()
    algorithm = vouch.algorithm or vouch.key.algorithm
    text = f"{dns.dnssec.key_id(dnskey)} {algorithm} {vouch.digest} {digest.hex()}"
    found = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.DS, text)
    assert isinstance(found, DS)
    return found


def write_key(folder: Path, origin: str, key: Key) -> Path:
    """The two files of a key; gives their name without suffix."""
    dnskey = dnskey_of(origin, key)
    stem = folder / f"K{origin}+{key.algorithm:03}+{dns.dnssec.key_id(dnskey):05}"
    stem.with_name(stem.name + ".key").write_text(f"{origin} IN DNSKEY {dnskey.to_text()}\n")
    fields = {"Private-key-format": "v1.3", "Algorithm": f"{key.algorithm} ({NAMES[key.algorithm]})"}
    fields |= _fields(private_key(origin, key))
    text = "".join(f"{name}: {value}\n" for name, value in fields.items())
    stem.with_name(stem.name + ".private").write_text(text)
    return stem


def write_pem(folder: Path, origin: str, key: Key) -> Path:
    """The private half as PKCS #8."""
    path = folder / "key.pem"
    path.write_bytes(private_key(origin, key).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


def _fields(key: PrivateKey) -> dict[str, str]:
    match key:
        case rsa.RSAPrivateKey():
            numbers = key.private_numbers()
            public = numbers.public_numbers
            found = {
                "Modulus": public.n, "PublicExponent": public.e, "PrivateExponent": numbers.d, "Prime1": numbers.p,
                "Prime2": numbers.q, "Exponent1": numbers.dmp1, "Exponent2": numbers.dmq1, "Coefficient": numbers.iqmp,
            }  # fmt: skip
            return {
                name: _base64(value.to_bytes((value.bit_length() + 7) // 8, "big")) for name, value in found.items()
            }
        case ec.EllipticCurvePrivateKey():
            size = (key.key_size + 7) // 8
            return {"PrivateKey": _base64(key.private_numbers().private_value.to_bytes(size, "big"))}
        case _:
            return {"PrivateKey": _base64(key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))}


def _base64(octets: bytes) -> str:
    return b64encode(octets).decode()
