"""Numbers of DHCPv6: message types, options, status codes, as IANA lists them."""

from enum import IntEnum


class MessageType6(IntEnum):
    """RFC 8415 §7.3."""

    SOLICIT = 1
    ADVERTISE = 2
    REQUEST = 3
    CONFIRM = 4
    RENEW = 5
    REBIND = 6
    REPLY = 7
    RELEASE = 8
    DECLINE = 9
    RECONFIGURE = 10
    INFORMATION_REQUEST = 11
    RELAY_FORWARD = 12
    RELAY_REPLY = 13


class Option6(IntEnum):
    """Option numbers that code speaks of; what a user can set is in `wire/dhcp/options6.py`."""

    CLIENT_IDENTIFIER = 1
    SERVER_IDENTIFIER = 2
    IA_NA = 3
    IA_TA = 4
    IA_ADDRESS = 5
    OPTION_REQUEST = 6
    PREFERENCE = 7
    ELAPSED_TIME = 8
    RELAY_MESSAGE = 9
    AUTHENTICATION = 11
    SERVER_UNICAST = 12
    STATUS_CODE = 13
    RAPID_COMMIT = 14
    USER_CLASS = 15
    VENDOR_CLASS = 16
    VENDOR_OPTIONS = 17
    INTERFACE_ID = 18
    RECONFIGURE_MESSAGE = 19
    RECONFIGURE_ACCEPT = 20
    DNS_SERVERS = 23
    DOMAIN_SEARCH = 24
    IA_PD = 25
    IA_PREFIX = 26
    SNTP_SERVERS = 31
    INFORMATION_REFRESH_TIME = 32
    REMOTE_ID = 37
    SUBSCRIBER_ID = 38
    CLIENT_FQDN = 39
    ECHO_REQUEST = 43
    RELAY_ID = 53
    NTP_SERVERS = 56
    BOOT_FILE_URL = 59
    BOOT_FILE_PARAMETERS = 60
    ARCHITECTURE = 61
    NETWORK_INTERFACE = 62
    PD_EXCLUDE = 67
    CLIENT_LINK_LAYER = 79
    SOL_MAX_RT = 82
    INF_MAX_RT = 83
    CAPTIVE_PORTAL = 103
    RELAY_PORT = 135
    ENCRYPTED_DNS = 144


class Status6(IntEnum):
    """RFC 8415 §21.13."""

    SUCCESS = 0
    UNSPEC_FAIL = 1
    NO_ADDRS_AVAIL = 2
    NO_BINDING = 3
    NOT_ON_LINK = 4
    USE_MULTICAST = 5
    NO_PREFIX_AVAIL = 6
