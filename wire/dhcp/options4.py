"""The options of DHCPv4, one row each: number, our name, kind of value, where it is defined, what dnsmasq and Kea call it."""

from collections.abc import Iterable
from dataclasses import replace

from wire.dhcp.codecs import (
    flag,
    ipv4,
    ipv6,
    many,
    nothing,
    number,
    octets,
    pairs,
    phrase,
    prefixed,
    record,
    s32,
    seconds,
    text,
    u8,
    u16,
    uri,
)
from wire.dhcp.dnr import dnr4
from wire.dhcp.names import domain, name, names
from wire.dhcp.structures4 import fqdn, parts, routes, sip_servers, vendor_classes, vendor_parts
from wire.dhcp.table import Option, Table

_addresses = many(ipv4)

_RFC2132 = (
    Option(1, "subnet-mask", ipv4, "RFC 2132 §3.3", ("netmask",)),
    Option(2, "time-offset", s32, "RFC 2132 §3.4"),
    Option(3, "routers", _addresses, "RFC 2132 §3.5", ("router",)),
    Option(4, "time-servers", _addresses, "RFC 2132 §3.6"),
    Option(5, "name-servers", _addresses, "RFC 2132 §3.7"),
    Option(6, "dns-servers", _addresses, "RFC 2132 §3.8", ("dns-server", "domain-name-servers")),
    Option(7, "log-servers", _addresses, "RFC 2132 §3.9", ("log-server",)),
    Option(8, "cookie-servers", _addresses, "RFC 2132 §3.10"),
    Option(9, "lpr-servers", _addresses, "RFC 2132 §3.11", ("lpr-server",)),
    Option(10, "impress-servers", _addresses, "RFC 2132 §3.12"),
    Option(11, "resource-location-servers", _addresses, "RFC 2132 §3.13"),
    Option(12, "host-name", text, "RFC 2132 §3.14", settable=False),
    Option(13, "boot-file-size", u16, "RFC 2132 §3.15", ("boot-size",)),
    Option(14, "merit-dump", text, "RFC 2132 §3.16"),
    Option(15, "domain-name", domain, "RFC 2132 §3.17"),
    Option(16, "swap-server", ipv4, "RFC 2132 §3.18"),
    Option(17, "root-path", text, "RFC 2132 §3.19"),
    Option(18, "extensions-path", text, "RFC 2132 §3.20", ("extension-path",)),
    Option(19, "ip-forwarding", flag, "RFC 2132 §4.1", ("ip-forward-enable",)),
    Option(20, "non-local-source-routing", flag, "RFC 2132 §4.2"),
    Option(21, "policy-filter", pairs(ipv4, "192.0.2.0 255.255.255.0"), "RFC 2132 §4.3"),
    Option(22, "max-datagram-reassembly", number(2, 576, example="1500"), "RFC 2132 §4.4", ("max-dgram-reassembly",)),
    Option(23, "default-ttl", number(1, 1, example="64"), "RFC 2132 §4.5", ("default-ip-ttl",)),
    Option(24, "path-mtu-aging-timeout", seconds, "RFC 2132 §4.6"),
    Option(25, "path-mtu-plateau-table", many(number(2, 68, example="1500")), "RFC 2132 §4.7"),
    Option(26, "interface-mtu", number(2, 68, example="1500"), "RFC 2132 §5.1", ("mtu",)),
    Option(27, "all-subnets-local", flag, "RFC 2132 §5.2"),
    Option(28, "broadcast-address", ipv4, "RFC 2132 §5.3"),
    Option(29, "perform-mask-discovery", flag, "RFC 2132 §5.4"),
    Option(30, "mask-supplier", flag, "RFC 2132 §5.5"),
    Option(31, "router-discovery", flag, "RFC 2132 §5.6"),
    Option(32, "router-solicitation-address", ipv4, "RFC 2132 §5.7", ("router-solicitation",)),
    Option(33, "static-routes", pairs(ipv4, "198.51.100.7 192.0.2.1"), "RFC 2132 §5.8", ("static-route",)),
    Option(34, "trailer-encapsulation", flag, "RFC 2132 §6.1"),
    Option(35, "arp-cache-timeout", seconds, "RFC 2132 §6.2", ("arp-timeout",)),
    Option(36, "ethernet-encapsulation", flag, "RFC 2132 §6.3", ("ethernet-encap", "ieee802-3-encapsulation")),
    Option(37, "default-tcp-ttl", number(1, 1, example="64"), "RFC 2132 §7.1", ("tcp-ttl",)),
    Option(38, "tcp-keepalive-interval", seconds, "RFC 2132 §7.2", ("tcp-keepalive",)),
    Option(39, "tcp-keepalive-garbage", flag, "RFC 2132 §7.3"),
    Option(40, "nis-domain", text, "RFC 2132 §8.1"),
    Option(41, "nis-servers", _addresses, "RFC 2132 §8.2", ("nis-server",)),
    Option(42, "ntp-servers", _addresses, "RFC 2132 §8.3", ("ntp-server",)),
    Option(43, "vendor-information", octets(1), "RFC 2132 §8.4", ("vendor-encap", "vendor-encapsulated-options")),
    Option(44, "netbios-name-servers", _addresses, "RFC 2132 §8.5", ("netbios-ns",)),
    Option(45, "netbios-dd-servers", _addresses, "RFC 2132 §8.6", ("netbios-dd", "netbios-dd-server")),
    Option(46, "netbios-node-type", number(1, 1, 8, "8"), "RFC 2132 §8.7", ("netbios-nodetype",)),
    Option(47, "netbios-scope", text, "RFC 2132 §8.8"),
    Option(48, "font-servers", _addresses, "RFC 2132 §8.9", ("x-windows-fs",)),
    Option(49, "x-display-managers", _addresses, "RFC 2132 §8.10", ("x-windows-dm", "x-display-manager")),
    Option(50, "requested-address", ipv4, "RFC 2132 §9.1", ("dhcp-requested-address",), False),
    Option(51, "lease-time", seconds, "RFC 2132 §9.2", ("dhcp-lease-time",), False),
    Option(52, "overload", number(1, 1, 3), "RFC 2132 §9.3", ("dhcp-option-overload",), False),
    Option(53, "message-type", number(1, 1), "RFC 2132 §9.6", ("dhcp-message-type",), False),
    Option(54, "server-identifier", ipv4, "RFC 2132 §9.7", ("dhcp-server-identifier",), False),
    Option(55, "parameter-list", many(number(1, 1)), "RFC 2132 §9.8", ("dhcp-parameter-request-list",), False),
    Option(56, "message", text, "RFC 2132 §9.9", ("dhcp-message",), False),
    Option(57, "maximum-size", number(2, 576, example="1500"), "RFC 2132 §9.10", ("dhcp-max-message-size",), False),
    Option(58, "renewal-time", seconds, "RFC 2132 §9.11", ("t1", "dhcp-renewal-time")),
    Option(59, "rebinding-time", seconds, "RFC 2132 §9.12", ("t2", "dhcp-rebinding-time")),
    Option(60, "vendor-class", phrase, "RFC 2132 §9.13", ("vendor-class-identifier",)),
    Option(61, "client-identifier", octets(2), "RFC 2132 §9.14", ("dhcp-client-identifier",), False),
    Option(64, "nis+-domain", text, "RFC 2132 §8.11", ("nisplus-domain-name",)),
    Option(65, "nis+-servers", _addresses, "RFC 2132 §8.12", ("nis+-server", "nisplus-servers")),
    Option(66, "tftp-server-name", text, "RFC 2132 §9.4", ("tftp-server",)),
    Option(67, "boot-file-name", text, "RFC 2132 §9.5", ("bootfile-name",)),
    Option(68, "mobile-ip-home-agents", many(ipv4, 0), "RFC 2132 §8.13", ("mobile-ip-home", "mobile-ip-home-agent")),
    Option(69, "smtp-servers", _addresses, "RFC 2132 §8.14", ("smtp-server",)),
    Option(70, "pop3-servers", _addresses, "RFC 2132 §8.15", ("pop3-server", "pop-server")),
    Option(71, "nntp-servers", _addresses, "RFC 2132 §8.16", ("nntp-server",)),
    Option(72, "www-servers", _addresses, "RFC 2132 §8.17", ("www-server",)),
    Option(73, "finger-servers", _addresses, "RFC 2132 §8.18", ("finger-server",)),
    Option(74, "irc-servers", _addresses, "RFC 2132 §8.19", ("irc-server",)),
    Option(75, "streettalk-servers", _addresses, "RFC 2132 §8.20", ("streettalk-server",)),
    Option(
        76, "streettalk-directory-servers", _addresses, "RFC 2132 §8.21", ("streettalk-directory-assistance-server",)
    ),
)

_LATER = (
    Option(62, "netware-domain", text, "RFC 2242 §2", ("nwip-domain-name",)),
    Option(63, "netware-information", replace(parts, example="5=01"), "RFC 2242 §3", ("nwip-suboptions",)),
    Option(77, "user-class", prefixed(1, "guest,0x0a0b"), "RFC 3004 §4", settable=False),
    Option(78, "slp-directory-agents", record(flag, _addresses), "RFC 2610 §3", ("slp-directory-agent",)),
    Option(79, "slp-scopes", record(flag, text), "RFC 2610 §4", ("slp-service-scope",)),
    Option(80, "rapid-commit", nothing, "RFC 4039 §4", settable=False),
    Option(81, "fqdn", fqdn, "RFC 4702 §2", settable=False),
    Option(82, "relay-information", parts, "RFC 3046 §2", ("dhcp-agent-options",), False),
    Option(85, "nds-servers", _addresses, "RFC 2241 §2", ("nds-server",)),
    Option(86, "nds-tree-name", text, "RFC 2241 §3"),
    Option(87, "nds-context", text, "RFC 2241 §4"),
    Option(88, "bcms-names", names(compressed=False), "RFC 4280 §4.1", ("bcms-controller-names",)),
    Option(89, "bcms-addresses", _addresses, "RFC 4280 §4.3", ("bcms-controller-address",)),
    Option(90, "authentication", octets(11), "RFC 3118 §2", ("authenticate",), False),
    Option(93, "architecture", many(u16), "RFC 4578 §2.1", ("client-arch", "client-system"), False),
    Option(94, "client-interface", record(u8, u8, u8), "RFC 4578 §2.2", ("client-interface-id", "client-ndi"), False),
    Option(97, "client-machine", octets(17), "RFC 4578 §2.3", ("client-machine-id", "uuid-guid"), False),
    Option(98, "user-authentication", text, "RFC 2485 §2", ("uap-servers",)),
    Option(99, "civic-location", octets(3), "RFC 4776 §3.1", ("geoconf-civic",)),
    Option(100, "posix-time-zone", text, "RFC 4833 §2", ("posix-timezone", "pcode")),
    Option(101, "tz-database-zone", text, "RFC 4833 §2", ("tzdb-timezone", "tcode")),
    Option(108, "ipv6-only", seconds, "RFC 8925 §3.1", ("v6-only-preferred",)),
    Option(112, "netinfo-servers", _addresses, "RFC 3679 §3", ("netinfo-server-address",)),
    Option(113, "netinfo-tag", text, "RFC 3679 §3", ("netinfo-server-tag",)),
    Option(114, "captive-portal", uri, "RFC 8910 §2.1", ("v4-captive-portal", "default-url")),
    Option(116, "auto-configure", number(1, 0, 1), "RFC 2563 §2", ("auto-config",)),
    Option(117, "name-service-search", many(number(2, example="6")), "RFC 2937 §2"),
    Option(118, "subnet-selection", ipv4, "RFC 3011 §2", settable=False),
    Option(119, "domain-search", names(compressed=True), "RFC 3397 §2"),
    Option(120, "sip-servers", sip_servers, "RFC 3361 §3", ("sip-server", "sip-servers-dhcp")),
    Option(121, "classless-routes", routes, "RFC 3442", ("classless-static-route",)),
    Option(123, "location", octets(16), "RFC 6225 §2.2", ("geoconf", "geoloc")),
    Option(124, "vendor-identifying-class", vendor_classes, "RFC 3925 §3", ("vivco", "vivco-suboptions")),
    Option(125, "vendor-identifying-information", vendor_parts, "RFC 3925 §4", ("vendor-id-encap", "vivso-suboptions")),
    *(Option(code, f"pxe-{code}", octets(), "RFC 4578 §2.4") for code in range(128, 136)),
    Option(136, "pana-agents", _addresses, "RFC 5192 §3", ("pana-agent",)),
    Option(137, "lost-server", name, "RFC 5223 §3", ("v4-lost",)),
    Option(138, "capwap-controllers", _addresses, "RFC 5417 §2", ("capwap-ac-v4",)),
    Option(141, "sip-configuration-domains", names(compressed=False), "RFC 6011 §4.1", ("sip-ua-cs-domains",)),
    Option(143, "zero-touch", prefixed(2, "https://bootstrap.example/"), "RFC 8572 §8.1", ("v4-sztp-redirect",)),
    Option(
        146,
        "rdnss-selection",
        record(number(1, 0, 3), ipv4, ipv4, names(compressed=False)),
        "RFC 6731 §4.3",
    ),
    Option(150, "tftp-servers", _addresses, "RFC 5859 §3", ("tftp-server-address",)),
    Option(159, "port-parameters", record(u8, u8, u16), "RFC 7618 §9", ("v4-portparams",)),
    Option(160, "captive-portal-old", uri, "RFC 7710 §2.1"),
    Option(161, "mud-url", uri, "RFC 8520 §10", ("mud-url-v4",), False),
    Option(162, "dnr", dnr4, "RFC 9463 §5.1", ("v4-dnr",)),
    Option(175, "etherboot", octets(), ""),
    Option(208, "pxelinux-magic", octets(4), "RFC 5071 §3"),
    Option(209, "pxelinux-configuration", text, "RFC 5071 §4", ("pxelinux-config-file", "config-file")),
    Option(210, "pxelinux-path-prefix", text, "RFC 5071 §5", ("path-prefix",)),
    Option(211, "pxelinux-reboot-time", seconds, "RFC 5071 §6", ("reboot-time",)),
    Option(
        212,
        "6rd",
        record(number(1, 0, 32, "8"), number(1, 0, 128, "32"), ipv6, _addresses),
        "RFC 5969 §7.1.1",
        ("option-6rd",),
    ),
    Option(213, "access-domain", name, "RFC 5986 §3.1", ("v4-access-domain",)),
    Option(220, "subnet-allocation", octets(1), "RFC 6656 §3", (), False),
    Option(221, "virtual-subnet-selection", octets(1), "RFC 6607 §3.1", (), False),
    Option(249, "microsoft-classless-routes", routes, ""),
    Option(252, "proxy-configuration", text, "", ("wpad", "wpad-url")),
)

OPTIONS4 = Table((*_RFC2132, *_LATER), 254)
"""Start here."""

NEVER_SET = frozenset(row.number for row in OPTIONS4.rows if not row.settable)
"""Numbers that no configuration may set: they are the protocol itself, or a client's to say."""


def option_from_text(name: str | int, value: str | Iterable[str]) -> tuple[int, bytes]:
    """Number and octets of a DHCPv4 option by name, alias or number; see `Table.from_text`. Raises ValueError."""
    return OPTIONS4.from_text(name, value)


def option_to_text(number: int, data: bytes) -> str:
    """The value as text; see `Table.to_text`."""
    return OPTIONS4.to_text(number, data)
