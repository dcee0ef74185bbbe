"""Leases for tests of who answers their names: a home, and a subnet that ends within an octet."""

from resolver.local import Host
from resolver.settings import ClientGroup, LeaseNames
from wire.dns.names import read_name

V4, V6 = bytes((192, 168, 1, 20)), bytes.fromhex("20010db8000000010000000000000020")
HOME = LeaseNames(
    domains=(read_name("home.arpa"),),
    subnets=((bytes((192, 168, 1, 0)), 24), (bytes.fromhex("20010db8000000010000000000000000"), 64)),
)
GROUPS = (ClientGroup("default"), ClientGroup("guests", ("127.0.0.64/26",), lease_names=False))


def host(name: str, *addresses: bytes, gone: bool = False, left: int = 0) -> Host:
    return Host(read_name(name), addresses, gone, left)


NAS = host("nas.home.arpa", V4, V6)
