"""Numbers of DHCPv4: message types, options, and what a relay says inside option 82."""

from enum import IntEnum


class MessageType4(IntEnum):
    """Option 53 (RFC 2132 §9.6)."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7
    INFORM = 8


class Option4(IntEnum):
    """Option numbers that code speaks of; all others are rows of `wire/dhcp/options4.py`."""

    PAD = 0
    SUBNET_MASK = 1
    ROUTERS = 3
    DNS_SERVERS = 6
    HOST_NAME = 12
    DOMAIN_NAME = 15
    INTERFACE_MTU = 26
    BROADCAST_ADDRESS = 28
    STATIC_ROUTES = 33
    NTP_SERVERS = 42
    VENDOR_INFORMATION = 43
    REQUESTED_ADDRESS = 50
    LEASE_TIME = 51
    OVERLOAD = 52
    MESSAGE_TYPE = 53
    SERVER_IDENTIFIER = 54
    PARAMETER_LIST = 55
    MESSAGE = 56
    MAXIMUM_SIZE = 57
    RENEWAL_TIME = 58
    REBINDING_TIME = 59
    VENDOR_CLASS = 60
    CLIENT_IDENTIFIER = 61
    TFTP_SERVER_NAME = 66
    BOOT_FILE_NAME = 67
    USER_CLASS = 77
    RAPID_COMMIT = 80
    FQDN = 81
    RELAY_INFORMATION = 82
    ARCHITECTURE = 93
    CLIENT_INTERFACE = 94
    CLIENT_MACHINE = 97
    IPV6_ONLY = 108
    CAPTIVE_PORTAL = 114
    AUTO_CONFIGURE = 116
    SUBNET_SELECTION = 118
    DOMAIN_SEARCH = 119
    CLASSLESS_ROUTES = 121
    VENDOR_IDENTIFYING_CLASS = 124
    VENDOR_IDENTIFYING_INFORMATION = 125
    TFTP_SERVERS = 150
    DNR = 162
    MICROSOFT_CLASSLESS_ROUTES = 249
    PROXY_CONFIGURATION = 252
    END = 255


class RelaySub(IntEnum):
    """Sub-options of option 82 (RFC 3046 §2.0 and the RFCs named)."""

    CIRCUIT = 1
    REMOTE = 2
    DOCSIS_DEVICE_CLASS = 4
    """RFC 3256."""
    LINK_SELECTION = 5
    """RFC 3527: 4 octets, an address of the client's link."""
    SUBSCRIBER = 6
    """RFC 3993."""
    AUTHENTICATION = 8
    """RFC 4030."""
    VENDOR = 9
    """RFC 4243."""
    FLAGS = 10
    """RFC 5010: one octet, 0x80: the client spoke by unicast."""
    SERVER_OVERRIDE = 11
    """RFC 5107: 4 octets, what to write as the server identifier."""
    SOURCE_PORT = 19
    """RFC 8357: no octets; answer to the port that the relay spoke from."""
    VIRTUAL_SUBNET = 151
    """RFC 6607."""
    VIRTUAL_SUBNET_CONTROL = 152
    """RFC 6607."""
