"""Many DHCPv4 clients at once behind one relay, each with a hardware address and a name that are found again wherever they are.

    python -m kit.dhcp_crowd FIRST COUNT RELAY SERVER

Runs in the relay's namespace; prints one JSON object: how many got an address, and which.
"""

import json
import socket
import sys

from wire.dhcp.codes4 import MessageType4, Option4
from wire.dhcp.packet4 import Packet4, build_packet4, parse_packet4

PORT = 67
AT_ONCE = 16
PATIENCE = 60.0
MARK = bytes.fromhex("00c0ffee")
"""What every hardware address begins with; the client's number follows."""
NAME = "canarybird"


def hardware(number: int) -> bytes:
    """Of client `number`."""
    return MARK + number.to_bytes(2, "big")


def name(number: int) -> str:
    """What client `number` calls itself."""
    return f"{NAME}-{number}"


def message(kind: MessageType4, number: int, relay: bytes, chosen: dict[int, bytes] | None = None) -> bytes:
    """One of client `number`'s, as its relay passes it on; `chosen`: the options that say what it was offered."""
    zero, chaddr = bytes(4), hardware(number)
    options = {
        Option4.MESSAGE_TYPE: bytes((kind,)),
        Option4.CLIENT_IDENTIFIER: b"\1" + chaddr,
        Option4.HOST_NAME: name(number).encode(),
        **(chosen or {}),
    }
    return build_packet4(Packet4(1, 1, 1, number, 0, 0, zero, zero, zero, relay, chaddr, b"", b"", options))


def join(first: int, count: int, relay: str, server: str) -> dict[int, str]:
    """All of them, so many at once; the address of each that got one."""
    own, waiting, got = socket.inet_aton(relay), list(range(first, first + count))[::-1], dict[int, str]()
    with socket.socket(type=socket.SOCK_DGRAM) as endpoint:
        endpoint.bind((relay, PORT))
        endpoint.settimeout(PATIENCE)
        for _ in range(min(AT_ONCE, count)):
            endpoint.sendto(message(MessageType4.DISCOVER, waiting.pop(), own), (server, PORT))
        while len(got) < count:
            told = parse_packet4(endpoint.recv(2_048))
            kind = told.options[Option4.MESSAGE_TYPE][0]
            if kind == MessageType4.OFFER:
                chosen = {
                    int(Option4.REQUESTED_ADDRESS): told.yiaddr,
                    int(Option4.SERVER_IDENTIFIER): told.options[Option4.SERVER_IDENTIFIER],
                }
                endpoint.sendto(message(MessageType4.REQUEST, told.xid, own, chosen), (server, PORT))
                continue
            assert kind == MessageType4.ACK, f"client {told.xid} was told {kind}"
            got[told.xid] = socket.inet_ntoa(told.yiaddr)
            if waiting:
                endpoint.sendto(message(MessageType4.DISCOVER, waiting.pop(), own), (server, PORT))
    return got


if __name__ == "__main__":
    print(json.dumps(join(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])))
