"""Names of leases, as RRsets."""

from typing import NamedTuple


class Host(NamedTuple):
    """A change of one lease's name: what the dhcp cell tells `front`.

    `name` is folded, with its domain. `addresses` (4 or 16 octets) are added to it, or with `gone` taken away; none and
    `gone`: all of them. Telling the same twice changes nothing. An address has one name: told for another, it leaves the
    former. `left` is how many seconds the lease has yet; 0: it does not end (a reservation), or nobody knows.
    """

    name: bytes
    addresses: tuple[bytes, ...]
    gone: bool = False
    left: int = 0
