"""Valid input for every parser, the DNS part of it made by dnspython."""

import struct

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from anchorhold.ipc import Inbox, MessageType, build_message, build_reply
from anchorhold.leases.messages import build_hosts
from privacy import odoh
from resolver.carried import Carried, Outcome, build_carried
from resolver.local import Host
from resolver.values import Explanation, Origin, Reply
from wire.dns.codes import ExtendedError
from wire.dns.framing import frame
from wire.dns.svcb import Service, build_alpn, build_service

KEYTAG = "13 2 3600 20300101000000 20200101000000 12345 example. AAAA"
RDATA = {
    "A": ["192.0.2.1", "192.0.2.2"],
    "AAAA": ["2001:db8::1"],
    "NS": ["ns1.example.", "ns2.www.example."],
    "CNAME": ["target.www.example."],
    "SOA": ["ns1.example. host.example. 1 7200 3600 1209600 300"],
    "PTR": ["host.example."],
    "HINFO": ['"RFC8482" ""'],
    "MX": ["10 mail.www.example.", "20 mx.example.net."],
    "TXT": ['"v=spf1 -all" "second"'],
    "RP": ["host.example. txt.example."],
    "AFSDB": ["1 afs.example."],
    "LOC": ["52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m"],
    "SRV": ["0 5 853 dot.example."],
    "NAPTR": ['100 10 "S" "SIP+D2U" "" _sip._udp.example.'],
    "KX": ["10 kx.example."],
    "CERT": ["PKIX 0 0 AAAA"],
    "DNAME": ["example.net."],
    "APL": ["1:192.0.2.0/24 !2:2001:db8::/32"],
    "DS": ["12345 13 2 " + "ab" * 32],
    "SSHFP": ["4 2 " + "cd" * 32],
    "RRSIG": [f"A {KEYTAG}"],
    "NSEC": ["b.example. A AAAA RRSIG NSEC TYPE65280"],
    "DNSKEY": ["257 3 13 AAAA"],
    "DHCID": ["AAAA"],
    "NSEC3": ["1 1 0 aabb 2t7b4g4vsa5smi47k61mv5bv1a22bojr A RRSIG"],
    "NSEC3PARAM": ["1 0 0 -"],
    "TLSA": ["3 1 1 " + "ef" * 32],
    "OPENPGPKEY": ["AAAA"],
    "SVCB": ["1 dot.example. alpn=dot port=853"],
    "HTTPS": ['1 . alpn="h2,h3" ipv4hint=192.0.2.1', "0 other.example."],
    "EUI48": ["00-00-5e-00-53-2a"],
    "URI": ['10 1 "https://example/"'],
    "CAA": ['0 issue "ca.example"'],
    "TYPE65280": ["\\# 3 abcdef"],
}
OPTIONS = [
    dns.edns.ECSOption("192.0.2.0", 24),
    dns.edns.CookieOption(b"12345678", b"abcdefgh"),
    dns.edns.NSIDOption(b"one"),
    dns.edns.EDEOption(15, "blocked"),
    dns.edns.GenericOption(12, bytes(40)),
    dns.edns.GenericOption(65_001, b"\xff" * 9),
]


HELLO = bytes.fromhex(
    "16030100aa010000a60303547de3fc0c3e25df5c2c2b77e54d4f2d5073e237a90959e5373ee07fc3fe156b00000ac02cc030c02bc02f00"
    "ff0100007300000010000e00000b646e732e6578616d706c65000b000403000102000a000c000a001d0017001e00190018002300000010"
    "0009000703646f740268320016000000170000000d002a0028040305030603080708080809080a080b0804080508060401050106010303"
    "03010302040205020602"
)
"""A TLS client that asks for dns.example and speaks dot or h2."""


def response(kind: str, owner: str = "www.example.", edns: bool = False) -> dns.message.Message:
    query = dns.message.make_query(owner, kind, use_edns=0 if edns else False, want_dnssec=edns)
    query.id = 0x1234
    message = dns.message.make_response(query, recursion_available=True)
    message.id = 0x1234
    message.answer.append(dns.rrset.from_text(owner, 300, "IN", kind, *RDATA[kind]))
    message.authority.append(dns.rrset.from_text("example.", 600, "IN", "NS", *RDATA["NS"]))
    message.additional.append(dns.rrset.from_text("ns1.example.", 900, "IN", "A", "192.0.2.53"))
    if edns:
        message.use_edns(0, 0, 1232, options=OPTIONS)
    return message


def negative(nxdomain: bool) -> dns.message.Message:
    query = dns.message.make_query("no.www.example.", "AAAA", use_edns=0, want_dnssec=True)
    message = dns.message.make_response(query, recursion_available=True)
    message.id = 0x1234
    message.set_rcode(3 if nxdomain else 0)
    message.authority.append(dns.rrset.from_text("example.", 600, "IN", "SOA", *RDATA["SOA"]))
    message.authority.append(dns.rrset.from_text("example.", 600, "IN", "NSEC", *RDATA["NSEC"]))
    return message


def chain() -> dns.message.Message:
    message = response("CNAME")
    message.question[0] = dns.rrset.RRset(dns.name.from_text("www.example."), 1, 1)
    for owner, target in (("target.www.example.", "b.example."), ("b.example.", "c.example.net.")):
        message.answer.append(dns.rrset.from_text(owner, 60, "IN", "CNAME", target))
    message.answer.append(dns.rrset.from_text("c.example.net.", 60, "IN", "A", "192.0.2.7"))
    message.answer.append(dns.rrset.from_text("stray.example.", 60, "IN", "A", "192.0.2.8"))
    return message


def renamed() -> dns.message.Message:
    message = response("DNAME", "sub.example.")
    message.question[0] = dns.rrset.RRset(dns.name.from_text("a.sub.example."), 1, 1)
    message.answer.append(dns.rrset.from_text("a.sub.example.", 0, "IN", "CNAME", "a.example.net."))
    message.answer.append(dns.rrset.from_text("sub.example.", 60, "IN", "RRSIG", f"DNAME {KEYTAG}"))
    message.answer.append(dns.rrset.from_text("a.example.net.", 60, "IN", "A", "192.0.2.9"))
    return message


def queries() -> list[bytes]:
    plain = dns.message.make_query("www.example.", "A")
    signed = dns.message.make_query(
        "WwW.eXample.", "HTTPS", use_edns=0, want_dnssec=True, payload=1232, options=OPTIONS
    )
    root = dns.message.make_query(".", "NS", use_edns=0)
    longest = dns.message.make_query(".".join(["a" * 63] * 3 + ["b" * 61]) + ".", "TXT")
    for query in (plain, signed, root, longest):
        query.id = 0x1234
    return [query.to_wire() for query in (plain, signed, root, longest)]


def transfers() -> list[bytes]:
    """Of the root: the answer for its SOA, a whole zone in one message, and a part without a question."""
    found = []
    soa = dns.rrset.from_text(".", 86400, "IN", "SOA", "a.root-servers.net. nstld.example. 5 1800 900 604800 86400")
    servers = dns.rrset.from_text(".", 86400, "IN", "NS", "a.root-servers.net.", "b.root-servers.net.")
    glue = dns.rrset.from_text("a.root-servers.net.", 86400, "IN", "A", "192.0.2.1")
    for kind, answer in (("SOA", [soa]), ("AXFR", [soa, servers, glue, soa]), ("", [servers, glue, soa])):
        message = dns.message.make_response(dns.message.make_query(".", kind or "AXFR"))
        message.id = 0x1234
        message.question = message.question if kind else []
        message.answer = answer
        found.append(message.to_wire())
    return found


def records() -> list[bytes]:
    """As they are kept of a zone: uncompressed, one after the other."""
    name = b"\1a\x0croot-servers\3net\0"
    return [b"\0\0\2\0\1\0\0\1\0\0" + bytes((len(name),)) + name + name + b"\0\1\0\1\0\0\1\0\0\4\xc0\0\2\1"]


def messages() -> list[bytes]:
    found = queries()
    for kind in RDATA:
        found += [response(kind).to_wire(), response(kind, edns=True).to_wire()]
    return [*found, *transfers(), *(made.to_wire() for made in (negative(True), negative(False), chain(), renamed()))]


def replies() -> list[bytes]:
    """Bodies of REPLY messages, with an octet of flags before each."""
    message = response("A").to_wire()
    plain = Reply(message, (29 + 4, 45), 300.0, 1, Origin.UPSTREAM)
    explained = Reply(message, (), 0.0, 1, Origin.LOCAL, Explanation(ExtendedError.BLOCKED, "a list says so"))
    return [bytes((reply.origin.value,)) + build_reply(reply) for reply in (plain, explained)]


def hosts() -> list[bytes]:
    """Bodies of HOSTS messages, with an octet of flags before each."""
    nas = Host(b"\3nas\4home\4arpa\0", (b"\xc0\0\2\1", b"\x20\1\r\xb8" + bytes(12)), left=3_600)
    built = [*build_hosts([nas, Host(nas.name, (), gone=True)]), *build_hosts([nas], everything=True)]
    return [bytes((message.flags,)) + message.body for one in built for message in Inbox().feed(one)]


def news() -> list[bytes]:
    """What the kernel tells of interfaces (rtnetlink(7)): a link with name, hardware address and MTU, and two addresses."""

    def attribute(kind: int, value: bytes) -> bytes:
        return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)

    def told(kind: int, body: bytes) -> bytes:
        return struct.pack("=IHHII", 16 + len(body), kind, 0, 1, 0) + body

    parts = attribute(3, b"eth0\0") + attribute(1, b"\2\0\x5e\x10\0\1") + attribute(4, struct.pack("=I", 1_500))
    link = told(16, struct.pack("=BxHiII", 0, 1, 7, 0x41, 0) + parts)
    lifetimes = attribute(6, struct.pack("=IIII", 600, 1_200, 0, 0))
    addresses = [
        told(20, struct.pack("=BBBBI", family, length, 0, 0, 7) + attribute(1, octets) + lifetimes)
        for family, length, octets in (
            (2, 24, b"\xc0\0\2\1"),
            (10, 64, bytes.fromhex("20010db8000700000000000000000001")),
        )
    ]
    return [link, *addresses, link + b"".join(addresses) + told(3, bytes(4))]


def oblivious() -> list[bytes]:
    """Keys of a target, a query for it, the answer, and what is inside (of the pair that the harnesses hold)."""
    pair = odoh.make_key(bytes(32))
    sealed = odoh.seal_query(pair.key, bytes(40), bytes(32))
    opened = odoh.open_query({pair.key.key_id: pair}, sealed.body)
    return [
        odoh.build_configs((pair.key, pair.key)),
        sealed.body,
        odoh.seal_answer(opened, bytes(40), bytes(odoh.REPLY_NONCE)),
        sealed.plaintext,
        build_carried(Carried(Outcome.ANSWERED, 200, True, sealed.body)),
        build_carried(Carried(Outcome.TIMEOUT)),
        HELLO,
    ]


def streams() -> list[bytes]:
    """Two framed messages, and what cells say to each other."""
    one, two = queries()[:2]
    cells = build_message(MessageType.QUERY, 7, one[12:], flags=8, group=1, generation=2, deadline=5_000)
    cells += build_message(MessageType.REPLY, 7, replies()[0][1:]) + build_message(MessageType.PING, 9, flags=1)
    return [frame(one) + frame(two), cells]


def option_lists() -> list[bytes]:
    """RDATA of OPT records, plain and with the six octets of CLASS and TTL before it."""
    data = b"".join(
        int(option.otype).to_bytes(2, "big") + len(option.to_wire()).to_bytes(2, "big") + option.to_wire()
        for option in OPTIONS
    )
    return [data, data[:23], (1232).to_bytes(2, "big") + b"\0\0\x80\0" + data]


def absences() -> list[bytes]:
    """RDATA of NSEC and NSEC3 records."""
    texts = [("NSEC", text) for text in (*RDATA["NSEC"], ". NS SOA", "a.b. A TYPE65535", "x.")]
    texts += [("NSEC3", text) for text in (*RDATA["NSEC3"], "1 0 50 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr")]
    return [dns.rdata.from_text("IN", kind, text).to_wire() for kind, text in texts] + [bytes(12) + b"\0\1\x40"]


def signing() -> list[bytes]:
    """RDATA of the records that sign."""
    return [dns.rdata.from_text("IN", kind, RDATA[kind][0]).to_wire() for kind in ("DNSKEY", "DS", "RRSIG", "NSEC")]


def bindings() -> list[bytes]:
    """Service bindings (RFC 9460), and the values of their parameters."""
    alpn = build_alpn(("dot", "h2"))
    told = Service(1, b"\x03dns\x04home\x04arpa\0", ((1, alpn), (4, bytes((192, 0, 2, 1))), (7, b"/dns-query{?dns}")))
    return [build_service(told), build_service(Service(0, b"\0", ((0, b"\0\1"),))), alpn, b"\0" + bytes(8)]


def everything() -> list[bytes]:
    cells = replies() + hosts() + news() + streams()
    return messages() + cells + option_lists() + records() + absences() + signing() + oblivious() + bindings()
