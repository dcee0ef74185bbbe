"""What those who answer names are told of leases."""

from dhcp.book import Book
from dhcp.hostnames import all_hosts, host_changes
from dhcp.values import HostChange, Kind, Lease, LeaseChange, State
from wire.units import Epoch

NOW = Epoch(1_000_000.0)
V4, V6 = bytes((10, 0, 0, 1)), bytes(15) + b"\1"


def lease(address: bytes = V4, left: int = 600) -> Lease:
    kind = Kind.ADDRESS4 if len(address) == 4 else Kind.ADDRESS6
    until = Epoch(NOW + left)
    return Lease(
        kind, address, 8 * len(address), bytes(16), b"", 0, "lan", State.BOUND, NOW, NOW, until, left, name="nas"
    )


def told(book: Book, *changes: LeaseChange) -> tuple[HostChange, ...]:
    book.apply(changes)
    return host_changes(book, changes, lambda _subnet: "home.arpa")


def test_a_name_is_told_with_all_its_addresses_and_the_end_of_the_first_lease() -> None:
    book = Book(bytes(32), ())
    (first,) = told(book, LeaseChange(None, lease()))
    (second,) = told(book, LeaseChange(None, lease(V6, left=60)))
    assert HostChange("nas", "home.arpa", (V4,), False, Epoch(NOW + 600)) == first
    assert HostChange("nas", "home.arpa", (V4, V6), False, Epoch(NOW + 60)) == second
    assert (second,) == all_hosts(book, lambda _subnet: "home.arpa")


def test_a_renewal_is_told_for_answers_may_live_longer() -> None:
    book = Book(bytes(32), (lease(),))
    renewed = lease(left=1_200)
    (change,) = told(book, LeaseChange(lease(), renewed))
    assert (False, Epoch(NOW + 1_200)) == (change.gone, change.until)
    assert () == told(book, LeaseChange(renewed, renewed._replace(seen=Epoch(NOW + 5))))


def test_a_name_that_goes_has_no_end() -> None:
    book = Book(bytes(32), (lease(),))
    assert (HostChange("nas", "home.arpa", (V4,), True),) == told(book, LeaseChange(lease(), None))
