"""The options of DHCPv6, one row each: number, our name, kind of value, where it is defined, what dnsmasq and Kea call it."""

from wire.dhcp.codecs import ipv6, many, number, octets, prefixed, record, seconds, text, u8, u16
from wire.dhcp.codecs6 import time_servers, vendor_options, whole_name, whole_names
from wire.dhcp.dnr import dnr6
from wire.dhcp.table import Option, Table

_addresses = many(ipv6)
_name = whole_name
_nothing = octets()
_limit = number(4, 60, 86_400, "3600")
"""Seconds; others are ignored (RFC 8415 §21.24, §21.25)."""

_PROTOCOL = (
    Option(1, "client-identifier", octets(3), "RFC 8415 §21.2", ("clientid",), False),
    Option(2, "server-identifier", octets(3), "RFC 8415 §21.3", ("serverid",), False),
    Option(3, "ia-na", octets(12), "RFC 8415 §21.4", (), False),
    Option(4, "ia-ta", octets(4), "RFC 8415 §21.5", (), False),
    Option(5, "ia-address", octets(24), "RFC 8415 §21.6", ("iaaddr",), False),
    Option(6, "option-request", many(u16), "RFC 8415 §21.7", ("oro",), False),
    Option(8, "elapsed-time", u16, "RFC 8415 §21.9", (), False),
    Option(9, "relay-message", octets(4), "RFC 8415 §21.10", ("relay-msg",), False),
    Option(11, "authentication", octets(11), "RFC 8415 §21.11", ("auth",), False),
    Option(12, "server-unicast", ipv6, "RFC 8415 §21.12", ("unicast",), False),
    Option(13, "status-code", octets(2), "RFC 8415 §21.13", (), False),
    Option(14, "rapid-commit", _nothing, "RFC 8415 §21.14", (), False),
    Option(15, "user-class", prefixed(2, "guest,hex:0a0b"), "RFC 8415 §21.15", (), False),
    Option(16, "vendor-class", octets(6), "RFC 8415 §21.16", (), False),
    Option(18, "interface-id", octets(1), "RFC 8415 §21.18", (), False),
    Option(19, "reconfigure-message", u8, "RFC 8415 §21.19", ("reconf-msg",), False),
    Option(20, "reconfigure-accept", _nothing, "RFC 8415 §21.20", ("reconf-accept",), False),
    Option(25, "ia-pd", octets(12), "RFC 8415 §21.21", (), False),
    Option(26, "ia-prefix", octets(25), "RFC 8415 §21.22", ("iaprefix",), False),
    Option(37, "remote-id", octets(5), "RFC 4649 §3", (), False),
    Option(38, "subscriber-id", octets(1), "RFC 4580 §2", (), False),
    Option(39, "client-fqdn", octets(1), "RFC 4704 §4", ("fqdn",), False),
    Option(43, "echo-request", many(u16), "RFC 4994 §2", ("ero",), False),
    Option(53, "relay-id", octets(3), "RFC 5460 §5.4.1", (), False),
    Option(61, "architecture", many(u16), "RFC 5970 §3.3", ("client-arch-type",), False),
    Option(62, "network-interface", record(u8, u8, u8), "RFC 5970 §3.4", ("nii",), False),
    Option(66, "relay-supplied", octets(), "RFC 6422 §4", ("rsoo",), False),
    Option(67, "pd-exclude", octets(2), "RFC 6603 §4.2", (), False),
    Option(79, "client-link-layer", octets(3), "RFC 6939 §4", ("client-linklayer-addr",), False),
    Option(135, "relay-port", u16, "RFC 8357 §4.2", (), False),
)

_SETTABLE = (
    Option(7, "preference", u8, "RFC 8415 §21.8"),
    Option(17, "vendor-options", vendor_options, "RFC 8415 §21.17", ("vendor-opts",)),
    Option(21, "sip-server-names", whole_names, "RFC 3319 §3.1", ("sip-server-dns",)),
    Option(22, "sip-servers", _addresses, "RFC 3319 §3.2", ("sip-server-addr",)),
    Option(23, "dns-servers", _addresses, "RFC 3646 §3", ("dns-server", "name-servers")),
    Option(24, "domain-search", whole_names, "RFC 3646 §4", ("domain-list",)),
    Option(27, "nis-servers", _addresses, "RFC 3898 §3", ("nis-server",)),
    Option(28, "nis+-servers", _addresses, "RFC 3898 §4", ("nis+-server", "nisp-servers")),
    Option(29, "nis-domain", _name, "RFC 3898 §5", ("nis-domain-name",)),
    Option(30, "nis+-domain", _name, "RFC 3898 §6", ("nisp-domain-name",)),
    Option(31, "sntp-servers", _addresses, "RFC 4075 §4", ("sntp-server",)),
    Option(32, "information-refresh-time", seconds, "RFC 8415 §21.23", ("information-refresh",)),
    Option(33, "bcms-names", whole_names, "RFC 4280 §4.2", ("bcmcs-server-dns",)),
    Option(34, "bcms-addresses", _addresses, "RFC 4280 §4.4", ("bcmcs-server-addr",)),
    Option(36, "civic-location", octets(3), "RFC 4776 §3.2", ("geoconf-civic",)),
    Option(40, "pana-agents", _addresses, "RFC 5192 §4", ("pana-agent",)),
    Option(41, "posix-time-zone", text, "RFC 4833 §3", ("new-posix-timezone",)),
    Option(42, "tz-database-zone", text, "RFC 4833 §3", ("new-tzdb-timezone",)),
    Option(51, "lost-server", _name, "RFC 5223 §4", ("v6-lost",)),
    Option(52, "capwap-controllers", _addresses, "RFC 5417 §3", ("capwap-ac-v6",)),
    Option(56, "ntp-servers", time_servers, "RFC 5908 §4", ("ntp-server",)),
    Option(57, "access-domain", _name, "RFC 5986 §3.2", ("v6-access-domain",)),
    Option(58, "sip-configuration-domains", whole_names, "RFC 6011 §4.2", ("sip-ua-cs-list",)),
    Option(59, "boot-file-url", text, "RFC 5970 §3.1", ("bootfile-url",)),
    Option(60, "boot-file-parameters", prefixed(2, "root=/dev/nfs,quiet"), "RFC 5970 §3.2", ("bootfile-param",)),
    Option(63, "location", octets(16), "RFC 6225 §2.1", ("geolocation",)),
    Option(64, "aftr-name", _name, "RFC 6334 §3"),
    Option(65, "erp-local-domain", _name, "RFC 6440 §3.1", ("erp-local-domain-name",)),
    Option(74, "rdnss-selection", octets(17), "RFC 6731 §4.2"),
    Option(82, "sol-max-rt", _limit, "RFC 8415 §21.24"),
    Option(83, "inf-max-rt", _limit, "RFC 8415 §21.25"),
    Option(84, "address-selection", octets(1), "RFC 7078 §2", ("addrsel",)),
    Option(86, "pcp-servers", _addresses, "RFC 7291 §4", ("v6-pcp-server",)),
    Option(88, "dhcp4-over-dhcp6-servers", many(ipv6, 0), "RFC 7341 §7.2", ("dhcp4o6-server-addr",)),
    Option(89, "s46-rule", octets(8), "RFC 7598 §4.1"),
    Option(90, "s46-border-relay", ipv6, "RFC 7598 §4.2", ("s46-br",)),
    Option(94, "s46-container-mape", octets(), "RFC 7598 §5.1", ("s46-cont-mape",)),
    Option(95, "s46-container-mapt", octets(), "RFC 7598 §5.2", ("s46-cont-mapt",)),
    Option(96, "s46-container-lightweight", octets(), "RFC 7598 §5.3", ("s46-cont-lw",)),
    Option(103, "captive-portal", text, "RFC 8910 §2.2", ("v6-captive-portal",)),
    Option(136, "zero-touch", prefixed(2, "https://bootstrap.example/"), "RFC 8572 §8.2", ("v6-sztp-redirect",)),
    Option(144, "dnr", dnr6, "RFC 9463 §4.1", ("v6-dnr",)),
    Option(148, "address-registration", _nothing, "RFC 9686 §4.1", ("addr-reg-enable",)),
)

OPTIONS6 = Table((*_PROTOCOL, *_SETTABLE), 65_535)
"""Start here."""

NEVER_SET6 = frozenset(row.number for row in OPTIONS6.rows if not row.settable)
"""Numbers that no configuration may set: they are the protocol itself, a relay's or a client's to say."""
