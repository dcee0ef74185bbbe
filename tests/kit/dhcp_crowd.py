"""Many DHCPv4 clients at once behind one relay, each with a hardware address and a name that are found again wherever they are.

    python -m kit.dhcp_crowd FIRST COUNT RELAY SERVER

Runs in the relay's namespace; prints one JSON object: how many got an address, and which.
"""

import json
import socket
import struct
import sys

PORT = 67
AT_ONCE = 16
PATIENCE = 10.0
MARK = bytes.fromhex("00c0ffee")
"""What every hardware address begins with; the client's number follows."""
NAME = "canarybird"
_HEAD = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s4s")
_COOKIE = bytes.fromhex("63825363")
_DISCOVER, _OFFER, _REQUEST, _ACK = 1, 2, 3, 5


def hardware(number: int) -> bytes:
    """Of client `number`."""
    return MARK + number.to_bytes(2, "big")


def name(number: int) -> str:
    """What client `number` calls itself."""
    return f"{NAME}-{number}"


def message(kind: int, number: int, relay: bytes, address: bytes = b"", server: bytes = b"") -> bytes:
    """One of client `number`'s, as its relay passes it on."""
    zero, chaddr, called = bytes(4), hardware(number), name(number).encode()
    options = [bytes((53, 1, kind)), bytes((61, 7, 1)) + chaddr, bytes((12, len(called))) + called]
    if address:
        options += [bytes((50, 4)) + address, bytes((54, 4)) + server]
    head = _HEAD.pack(1, 1, 6, 1, number, 0, 0, zero, zero, zero, relay, chaddr, b"", b"", _COOKIE)
    return head + b"".join(options) + b"\xff"


def option(data: bytes, wanted: int) -> bytes:
    """An option of a reply; empty if it has none."""
    at = _HEAD.size
    while at + 1 < len(data) and data[at] != 255:
        if data[at] == wanted:
            return data[at + 2 : at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
    return b""


def join(first: int, count: int, relay: str, server: str) -> dict[int, str]:
    """All of them, so many at once; the address of each that got one."""
    own, waiting, got = socket.inet_aton(relay), list(range(first, first + count))[::-1], dict[int, str]()
    with socket.socket(type=socket.SOCK_DGRAM) as endpoint:
        endpoint.bind((relay, PORT))
        endpoint.settimeout(PATIENCE)
        for _ in range(min(AT_ONCE, count)):
            endpoint.sendto(message(_DISCOVER, waiting.pop(), own), (server, PORT))
        while len(got) < count:
            data = endpoint.recv(2_048)
            number, address = int.from_bytes(data[4:8], "big"), data[16:20]
            kind = option(data, 53)[0]
            if kind == _OFFER:
                endpoint.sendto(message(_REQUEST, number, own, address, option(data, 54)), (server, PORT))
                continue
            assert kind == _ACK, f"client {number} was told {kind}"
            got[number] = socket.inet_ntoa(address)
            if waiting:
                endpoint.sendto(message(_DISCOVER, waiting.pop(), own), (server, PORT))
    return got


if __name__ == "__main__":
    print(json.dumps(join(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])))
