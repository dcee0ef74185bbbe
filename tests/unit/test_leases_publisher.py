"""Names that front is told of: of leases while they last, of the configuration's devices for ever."""

from kit.leases import DATE, KEY, lease

from anchorhold.leases.publisher import Publisher
from dhcp.book import LeaseBook
from dhcp.settings import DhcpSettings, Reservation, Subnet
from dhcp.values import LeaseChange, State
from resolver.local import Host
from wire.units import Epoch

LAPTOP = b"\6laptop\4home\4arpa\0"
HOME = Subnet("10.0.0.0/8", b"\x0a\0\0\0", 8)
OFFICE = Subnet("192.0.2.0/24", b"\xc0\0\2\0", 24, domain="office.example")
ONE = lease(1, name="laptop")


def publisher(*reservations: Reservation, names: bool = True) -> Publisher:
    return Publisher(DhcpSettings(1, subnets=(HOME, OFFICE), reservations=reservations, names=names))


def test_a_lease_is_told_with_what_is_left_of_it() -> None:
    assert [Host(LAPTOP, (ONE.address,), False, 3_600)] == publisher().news([LeaseChange(None, ONE)], DATE)


def test_a_renewal_is_told_too() -> None:
    longer = ONE._replace(until=Epoch(ONE.until + 60))
    assert [Host(LAPTOP, (ONE.address,), False, 3_660)] == publisher().news([LeaseChange(ONE, longer)], DATE)


def test_an_end_is_told_and_an_offer_is_not() -> None:
    offer = ONE._replace(state=State.OFFERED)
    assert [Host(LAPTOP, (ONE.address,), True)] == publisher().news([LeaseChange(ONE, None)], DATE)
    assert [] == publisher().news([LeaseChange(None, offer), LeaseChange(offer, None)], DATE)


def test_another_name_takes_the_place_of_the_former() -> None:
    (gone, come) = publisher().news([LeaseChange(ONE, ONE._replace(name="desk"))], DATE)
    assert (True, LAPTOP, False, b"\4desk\4home\4arpa\0") == (gone.gone, gone.name, come.gone, come.name)


def test_a_lease_without_a_name_is_nobodys_business() -> None:
    assert [] == publisher().news([LeaseChange(None, lease(2))], DATE)


def test_a_subnet_may_have_its_own_domain() -> None:
    (host,) = publisher().news([LeaseChange(None, ONE._replace(subnet=OFFICE.name))], DATE)
    assert b"\6laptop\6office\7example\0" == host.name


def test_everything_is_what_is_leased_and_what_is_configured() -> None:
    printer = Reservation(hosts=("p",), address4=b"\xc0\0\2\5", name="printer")
    book = LeaseBook(KEY, [ONE, lease(2)])
    told = publisher(printer).everything(book, DATE)
    assert [
        Host(b"\7printer\6office\7example\0", (b"\xc0\0\2\5",), False, 0),
        Host(LAPTOP, (ONE.address,), False, 3_600),
    ] == told


def test_a_configured_name_does_not_go_with_its_lease() -> None:
    printer = Reservation(hosts=("p",), address4=ONE.address, name="printer")
    leased = ONE._replace(name="printer")
    news = publisher(printer).news([LeaseChange(None, leased), LeaseChange(leased, None)], DATE)
    assert [] == news


def test_in_the_mode_without_names_nothing_is_told() -> None:
    printer = Reservation(hosts=("p",), address4=ONE.address, name="printer")
    quiet = publisher(printer, names=False)
    assert ([], []) == (quiet.news([LeaseChange(None, ONE)], DATE), quiet.everything(LeaseBook(KEY, [ONE]), DATE))
