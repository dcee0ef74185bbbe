"""Keys that are always the same, and what they sign: RRsets as the validator gets them, and zones of the small Internet.

Everything is signed by dnspython, from which the code under test takes nothing.
"""

from dataclasses import dataclass
from functools import cache, cached_property

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from dns.rdtypes.ANY.DNSKEY import DNSKEY

from resolver.dnssec.algorithms import ALGORITHMS
from resolver.dnssec.signature import Signing
from resolver.iterate.verdict import RRset
from wire.dns.names import show_name
from wire.dns.signing import Key, parse_dnskey
from wire.units import Epoch

DATE = Epoch(1_800_000_000.0)
DAY = 86_400
INCEPTION, EXPIRATION = int(DATE) - DAY, int(DATE) + 10 * DAY
ZONE_KEY, ENTRY_KEY = 256, 257
_P = int(
    "d41d5fbc5e803fbfd4c562fc568f0d1e9efa6782214fee328dcd3be5fb0955cb"
    "ed6a8c44e82494c411e83b0b6465afa37e792f18dce550e5cdb2d19d00969401",
    16,
)
_Q = int(
    "ce5198f8a284fd570a9521edd78f0dfcecb4e215d4833fcf92dfe71887a9c370"
    "660e60bd2c18d21b1b0899051a5fc7c014ac116a4eb83b4de8b87d03255eebbd",
    16,
)


def _rsa() -> rsa.RSAPrivateKey:
    e, n = 65_537, _P * _Q
    d = pow(e, -1, (_P - 1) * (_Q - 1))
    public = rsa.RSAPublicNumbers(e, n)
    numbers = rsa.RSAPrivateNumbers(_P, _Q, d, d % (_P - 1), d % (_Q - 1), pow(_Q, -1, _P), public)
    return numbers.private_key()


@cache
def private_key(algorithm: int, seed: int = 1) -> object:
    """The same key for the same numbers; of RSA there is only one."""
    match algorithm:
        case 13:
            return ec.derive_private_key(0xC0FFEE + seed, ec.SECP256R1())
        case 14:
            return ec.derive_private_key(0xC0FFEE + seed, ec.SECP384R1())
        case 15:
            return ed25519.Ed25519PrivateKey.from_private_bytes(seed.to_bytes(32, "big"))
        case 16:
            return ed448.Ed448PrivateKey.from_private_bytes(seed.to_bytes(57, "big"))
        case _:
            return _rsa()


@dataclass(frozen=True)
class Signer:
    """A key of a zone. `says` is the algorithm number that its records show, if that is another one."""

    zone: str
    algorithm: int = 13
    seed: int = 1
    flags: int = ENTRY_KEY
    protocol: int = 3
    inception: int = INCEPTION
    expiration: int = EXPIRATION

    @property
    def name(self) -> dns.name.Name:
        return dns.name.from_text(self.zone)

    @cached_property
    def dnskey(self) -> DNSKEY:
        public = private_key(self.algorithm, self.seed).public_key()  # type: ignore[attr-defined]
        return dns.dnssec.make_dnskey(public, self.algorithm, self.flags, self.protocol)

    @property
    def key(self) -> Key:
        return parse_dnskey(self.dnskey.to_wire())

    @property
    def signing(self) -> Signing:
        return Signing(self.name.to_wire().lower(), (self.key,), ALGORITHMS)

    def ds(self, digest: int = 2) -> dns.rdata.Rdata:
        policy = dns.dnssec.allow_all_policy
        return dns.dnssec.make_ds(self.name, self.dnskey, digest, policy=policy)  # type: ignore[arg-type]

    def sign(self, rrset: dns.rrset.RRset) -> dns.rdata.Rdata:
        """The RRSIG over `rrset`; a leading asterisk in its owner is a wildcard's."""
        # dnspython signs with zone keys only; what the flags say otherwise is put right afterwards.
        public = private_key(self.algorithm, self.seed).public_key()  # type: ignore[attr-defined]
        proper = dns.dnssec.make_dnskey(public, self.algorithm, ENTRY_KEY, 3)
        signature = dns.dnssec.sign(
            rrset,
            private_key(self.algorithm, self.seed),  # type: ignore[arg-type]
            self.name,
            proper,
            self.inception,
            self.expiration,
            policy=dns.dnssec.allow_all_policy,
        )
        if proper == self.dnskey:
            return signature
        # The tag is part of what is signed: sign once more with the right one.
        signature = signature.replace(key_tag=dns.dnssec.key_id(self.dnskey))
        data = dns.dnssec._make_rrsig_signature_data(rrset, signature)
        kind = dns.dnssec.get_algorithm_cls(self.algorithm)
        signer = kind.from_key if hasattr(kind, "from_key") else kind
        return signature.replace(signature=signer(key=private_key(self.algorithm, self.seed)).sign(data, True))

    def signed(self, *lines: str, owner: str = "") -> RRset:
        """`OWNER TTL TYPE DATA` lines as one RRset with its signature; `owner`: as which name it is shown (wildcards)."""
        rrset = rrset_of(*lines)
        found = plain(rrset)._replace(signatures=(self.sign(rrset).to_wire(),))
        return found._replace(owner=dns.name.from_text(owner).to_wire().lower()) if owner else found


def rrset_of(*lines: str) -> dns.rrset.RRset:
    owner, ttl, kind, _ = lines[0].split(" ", 3)
    return dns.rrset.from_text(owner, int(ttl), "IN", kind, *(line.split(" ", 3)[3] for line in lines))


def plain(rrset: dns.rrset.RRset) -> RRset:
    """As `resolver.iterate` has it: folded where records may be compressed."""
    rdatas = tuple(rdata.to_wire() for rdata in rrset)
    return RRset(rrset.name.to_wire().lower(), int(rrset.rdtype), rrset.ttl, rdatas)


def shown(rrset: RRset) -> str:
    return f"{show_name(rrset.owner)} {dns.rdatatype.to_text(dns.rdatatype.RdataType.make(rrset.rrtype))}"
