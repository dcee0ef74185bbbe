from dataclasses import replace

import pytest
from kit.dhcp4 import LAN, MAC, PHONE, RELAY, SETTINGS, Site, ip, mac, option

from dhcp.classes import Traits, classes_of, is_member
from dhcp.settings import ClientClass, Matcher, Reservation, Subnet
from wire.dhcp.codes4 import MessageType4, Option4


@pytest.mark.parametrize(
    ("matcher", "value", "yes", "no"),
    [
        (Matcher.VENDOR, b"PXE", Traits(vendor=b"PXEClient:Arch"), Traits(vendor=b"android")),
        (Matcher.USER, b"iPXE", Traits(users=(b"x", b"iPXE")), Traits(users=(b"iPXE2",))),
        (Matcher.HARDWARE, MAC[:3], Traits(hardware=MAC), Traits(hardware=PHONE)),
        (Matcher.CIRCUIT, b"port1", Traits(circuit=b"port1"), Traits(circuit=b"port10")),
        (Matcher.REMOTE, b"sw", Traits(remote=b"sw"), Traits(circuit=b"sw")),
        (Matcher.CHANGING, b"", Traits(hardware=PHONE), Traits(hardware=MAC)),
        (Matcher.ARCHITECTURE, b"\0\7", Traits(architectures=(b"\0\7",)), Traits(architectures=(b"\0\0",))),
    ],
)
def test_who_is_in_a_class(matcher: Matcher, value: bytes, yes: Traits, no: Traits) -> None:
    one = ClientClass("x", ((matcher, value),))
    assert (True, False, False) == (is_member(yes, one), is_member(no, one), is_member(Traits(), one))


@pytest.mark.parametrize("matcher", [m for m in Matcher if m not in (Matcher.ANY, Matcher.CHANGING)])
def test_no_octets_match_nobody(matcher: Matcher) -> None:
    assert not is_member(Traits(hardware=MAC, vendor=b"v"), ClientClass("x", ((matcher, b""),)))


def test_everybody_is_in_a_class_for_everybody_and_a_reservation_puts_one_into_more() -> None:
    settings = replace(SETTINGS, classes=(ClientClass("all", ((Matcher.ANY, b""),)), ClientClass("kids", ())))
    assert ["all"] == [one.name for one in classes_of(settings, Traits(), None)]
    host = Reservation((MAC,), classes=("kids",))
    assert ["all", "kids"] == [one.name for one in classes_of(settings, Traits(), host)]


def test_general_subnet_classes_in_order_then_the_reservation() -> None:
    first, last = (ClientClass(n, ((Matcher.ANY, b""),), options4=((150, n.encode()),)) for n in ("a", "b"))
    layers = {
        "options4": ((150, b"general"),),
        "subnets": (replace(LAN, options4=((150, b"subnet"),)),),
        "classes": (first, last),
        "reservations": (Reservation((MAC,), options4=((150, b"host"),)),),
    }
    seen, used = [], {}
    for name, value in layers.items():
        used[name] = value
        seen.append(option(Site(replace(SETTINGS, **used)).discover(options={55: b"\x96"}).reply, 150))
    assert [b"general", b"subnet", b"b", b"host"] == seen


def test_the_first_class_with_a_lease_time_says_it() -> None:
    classes = tuple(ClientClass(str(n), ((Matcher.ANY, b""),), lease_time=n) for n in (0, 600, 900))
    site = Site(replace(SETTINGS, classes=classes))
    assert 600 == site.at(site.join()).duration


def test_a_vendors_options_come_to_its_class_unasked_and_to_nobody_else() -> None:
    boot = ClientClass("boot", ((Matcher.VENDOR, b"PXEClient"),), ((43, b"\6\1\0"), (60, b"PXEClient"), (66, b"x")))
    site = Site(replace(SETTINGS, classes=(boot,)))
    told = site.discover(options={60: b"PXEClient:Arch:00007"}).reply.packet.options
    assert (b"\6\1\0", b"PXEClient", None) == (told.get(43), told.get(60), told.get(66))
    assert {43, 60}.isdisjoint(site.discover(mac(2)).reply.packet.options)


def test_a_boot_file_by_architecture() -> None:
    classes = (
        ClientClass("bios", ((Matcher.ARCHITECTURE, b"\0\0"),), boot_file=b"undionly.kpxe"),
        ClientClass("uefi", ((Matcher.ARCHITECTURE, b"\0\7"),), boot_file=b"ipxe.efi", next_server=ip("192.0.2.9")),
        ClientClass("ipxe", ((Matcher.USER, b"iPXE"),), boot_file=b"http://boot/menu"),
    )
    site = Site(replace(SETTINGS, classes=classes, subnets=(replace(LAN, next_server=ip("192.0.2.8")),)))

    def boots(options: dict[int, bytes]) -> tuple[bytes, bytes]:
        packet = site.discover(options=options).reply.packet
        return packet.siaddr, packet.file

    assert (ip("192.0.2.8"), b"undionly.kpxe") == boots({93: b"\0\0"})
    assert (ip("192.0.2.9"), b"ipxe.efi") == boots({93: b"\0\7"})
    assert (ip("192.0.2.9"), b"http://boot/menu") == boots({93: b"\0\7", 77: b"iPXE"})
    assert (ip("192.0.2.9"), b"http://boot/menu") == boots({93: b"\0\7", 77: b"\4iPXE"})
    assert (ip("192.0.2.8"), b"") == boots({})


def test_a_circuit_counts_only_from_a_relay_that_is_known() -> None:
    port = ClientClass("port", ((Matcher.CIRCUIT, b"p1"),), lease_time=600)
    far = Subnet("198.51.100.0/24", ip("198.51.100.0"), 24, pools=LAN.pools)
    far = replace(far, pools=(replace(LAN.pools[0], first=ip("198.51.100.9"), last=ip("198.51.100.99")),))
    site = Site(replace(SETTINGS, classes=(port,), subnets=(LAN, far), relays=((RELAY, 32),)))
    inside = {82: b"\1\2p1"}
    assert (600).to_bytes(4, "big") == option(site.discover(options=inside, giaddr=RELAY).reply, 51)
    assert (43_200).to_bytes(4, "big") == option(site.discover(mac(2), options=inside).reply, 51)


@pytest.mark.parametrize("number", [51, 53, 54, 58, 59, 61, 82, 81, 80])
def test_what_the_protocol_says_cannot_be_set(number: int) -> None:
    plain = Site().discover(options={55: bytes((number,))}).reply
    site = Site(replace(SETTINGS, options4=((number, b"evil"),)))
    assert plain.packet.options == site.discover(options={55: bytes((number,))}).reply.packet.options


def test_the_option_for_captive_portals_and_any_other_by_number() -> None:
    settings = replace(SETTINGS, options4=((114, b"https://portal.example/api"), (224, b"\1\2")))
    reply = Site(settings).discover(options={55: b"\x72\xe0"}).reply
    assert (b"https://portal.example/api", b"\1\2") == (option(reply, Option4.CAPTIVE_PORTAL), option(reply, 224))


def test_microsofts_number_for_classless_routes_has_the_same_routes() -> None:
    routes = bytes((24,)) + ip("10.1.1.0")[:3] + ip("192.0.2.1")
    reply = Site(replace(SETTINGS, options4=((121, routes),))).discover(options={55: b"\xf9"}).reply
    assert (routes, None) == (option(reply, 249), option(reply, 121))


def test_who_says_not_what_it_needs_gets_what_everybody_needs() -> None:
    packet = Site().discover(options={55: b""}).reply.packet
    assert {3, 6, 15, 28, 119, 1} <= set(packet.options)
    assert bytes((MessageType4.OFFER,)) == packet.options[53]
