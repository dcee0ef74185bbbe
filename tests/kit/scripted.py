"""An upstream that says the same of a name every time, and whose every answer tells that it is its own: for comparing two
resolvers that ask it. `python scripted.py [ADDRESS#]PORT[=MARK]…` serves these (127.0.0.1) over UDP and TCP until it is ended.
Those with the same mark (their port, if none is given) say the same.

Names whose first label begins with `nx` do not exist; those with `inside` have a private address; `alias` leads to `real`.
"""

import selectors
import socket
import sys
import zlib

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

TTL = 300


def answer(query: dns.message.Message, port: int) -> dns.message.Message:
    """What the upstream at `port` says."""
    response = dns.message.make_response(query, recursion_available=True)
    question = query.question[0]
    name, kind = question.name, dns.rdatatype.to_text(question.rdtype)
    first = str(name).split(".")[0].lower()
    mark = zlib.crc32(f"{name}/{port}".lower().encode())
    values = {
        "A": f"93.{port % 250}.{mark >> 8 & 255}.{mark & 255}",
        "AAAA": f"2606:4700:{port:x}::{mark & 0xFFFF:x}",
        "TXT": f'"upstream {port}"',
        "MX": f"10 mx{mark % 9}.outside.example.",
        "PTR": f"host{mark % 999}.outside.example.",
    }
    if first.startswith("inside"):
        values |= {"A": "192.168.200.1", "AAAA": "fd00:200::1"}
    if first.startswith("nx"):
        response.set_rcode(dns.rcode.NXDOMAIN)
    elif first.startswith("alias") and kind in ("A", "AAAA"):
        target = f"real.{str(name).partition('.')[2]}"
        response.answer.append(dns.rrset.from_text(name, TTL, "IN", "CNAME", target))
        response.answer.append(dns.rrset.from_text(target, TTL, "IN", kind, values[kind]))
    elif kind in values:
        response.answer.append(dns.rrset.from_text(name, TTL, "IN", kind, values[kind]))
    if not response.answer:
        zone = ".".join(str(name).rstrip(".").split(".")[-1:]) + "."
        response.authority.append(
            dns.rrset.from_text(zone, TTL, "IN", "SOA", f"ns.{zone} root.{zone} 1 3600 600 86400 60".replace("..", "."))
        )
    return response


def _udp(server: socket.socket, port: int) -> None:
    data, client = server.recvfrom(65_535)
    try:
        server.sendto(answer(dns.message.from_wire(data), port).to_wire(), client)
    except (dns.exception.DNSException, IndexError):
        return


def _tcp(server: socket.socket, port: int) -> None:
    client, _ = server.accept()
    with client:
        client.settimeout(20)
        try:
            length = int.from_bytes(client.recv(2, socket.MSG_WAITALL), "big")
            wire = answer(dns.message.from_wire(client.recv(length, socket.MSG_WAITALL)), port).to_wire()
            client.sendall(len(wire).to_bytes(2, "big") + wire)
        except (OSError, dns.exception.DNSException, IndexError):
            return


def main() -> None:
    selector = selectors.DefaultSelector()
    for given in sys.argv[1:]:
        where, _, mark = given.partition("=")
        address, _, port = where.rpartition("#")
        for kind, act in ((socket.SOCK_DGRAM, _udp), (socket.SOCK_STREAM, _tcp)):
            server = socket.socket(socket.AF_INET, kind)
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind((address or "127.0.0.1", int(port)))
            if kind == socket.SOCK_STREAM:
                server.listen(16)
            selector.register(server, selectors.EVENT_READ, (act, int(mark or port)))
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            act, port = key.data
            act(key.fileobj, port)


if __name__ == "__main__":
    main()
