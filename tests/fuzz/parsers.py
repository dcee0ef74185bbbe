"""Every parser of the tree, and how to feed it octets and hold it to what it promises."""

import ast
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

from kit.judged import judge

from anchorhold.ipc import Inbox, MessageType, build_reply, parse_reply
from anchorhold.ipc import Message as CellMessage
from anchorhold.leases.messages import MAX_HOSTS, build_hosts, parse_hosts
from privacy.lists.formats import FORMATS
from privacy.lists.minisign import MAX_SIGNATURE, parse_signature
from privacy.odoh import (
    MAX_CONFIGS,
    build_configs,
    make_key,
    open_answer,
    open_query,
    parse_configs,
    parse_envelope,
    parse_plaintext,
    seal_query,
)
from resolver.carried import build_carried, parse_carried
from resolver.compose import Accepted
from resolver.iterate.transfer import Transfer, serial_in
from resolver.iterate.zonecopy import parse_timers, parse_zone
from resolver.settings import CacheSettings
from resolver.values import Origin, Query, QueryFlag, Reply
from wire.dns.edns import MAX_OPTIONS, parse_opt, parse_options
from wire.dns.framing import Framer, frame
from wire.dns.message import parse_message, parse_part, parse_received
from wire.dns.names import MAX_NAME, Known, parse_name, parse_shared_name
from wire.dns.nsec import Types, parse_nsec, parse_nsec3, parse_types
from wire.dns.peek import peek
from wire.dns.signing import parse_dnskey, parse_ds, parse_rrsig, parse_whole_name
from wire.dns.svcb import (
    MAX_PARAMETERS,
    build_parameters,
    build_service,
    parse_alpn,
    parse_hint,
    parse_mandatory,
    parse_parameters,
    parse_service,
)
from wire.errors import Malformed
from wire.netlink import AddressNews, parse_news
from wire.tls_hello import Hello, parse_hello, record_length

ROOT = Path(__file__).parents[2]
ROOMS = ("wire", "privacy", "resolver", "dhcp", "anchorhold")
LIMITS = CacheSettings()
SOME_KEY = b"\x03www\x07example\0\0\1\0\1"

OTHERS = {
    "wire.dns.peek.peek",
    "wire.dns.framing.Framer.feed",
    "anchorhold.ipc.Inbox.feed",
    "resolver.accept.read",
    "resolver.iterate.transfer.Transfer.take",
    "resolver.iterate.transfer.serial_in",
    "privacy.odoh.open_answer",
    "privacy.odoh.open_query",
    "privacy.lists.formats.read_list",
    *(f"privacy.lists.formats.{name}.read_{name}" for name in FORMATS),
    "wire.dhcp.codecs.Codec.to_text",
    "wire.dhcp.codecs.Codec.check",
}
"""Parsers by another name."""


def find_parsers() -> set[str]:
    """The dotted name of every public function or method called `parse_…` in the rooms, and the others that exist."""
    found = set()
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            found |= {f"{module}.{name}" for name in _functions(ast.parse(path.read_text()).body)}
    return {name for name in found if name in OTHERS or name.rpartition(".")[2].startswith("parse_")}


def _functions(body: list[ast.stmt], within: str = "") -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield within + node.name
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{within}{node.name}.")


def feed_message(data: bytes) -> bool:
    message = parse_message(data)
    at = 12 + len(message.question)
    records = sorted(message.answer + message.authority + message.additional, key=lambda r: r.ttl_offset)
    for record in records:
        assert at <= record.ttl_offset - 4 < record.rdata_start <= record.rdata_end <= len(data)
        assert 0 <= record.ttl < 2**31
        assert 1 <= len(record.owner) <= MAX_NAME
        at = record.rdata_end
    return True


def feed_received(data: bytes) -> bool:
    assert parse_received(data) == parse_received(data) == parse_message(data)
    return True


def feed_part(data: bytes) -> bool:
    """With its question or without it: the records are the same but for what pointed into the question."""
    assert len(parse_part(data).question) in (0, *range(5, 260))
    return True


def feed_zone(data: bytes) -> bool:
    """Not all may be well: the whole, and then from behind a header and a question, where records begin."""
    accepted = False
    for piece in (data, data[33:], RECORDS + data):
        try:
            zone = parse_zone(piece, b"\0")
        except Malformed:
            continue
        assert all((owner.lower(), len(owner)) == parse_name(owner, 0) for owner in zone.nodes)
        accepted = True
    return accepted


def feed_timers(data: bytes) -> bool:
    assert 0 <= parse_timers(data).serial < 2**32
    return True


def feed_transfer(data: bytes) -> bool:
    """One message; what is a whole zone after it reads back as one."""
    identifier = int.from_bytes(data[:2], "big")
    zone = Transfer(identifier, b"\0").take(data)
    return zone is None or bool(parse_zone(zone, b"\0").nodes)


def feed_serial(data: bytes) -> bool:
    return 0 <= serial_in(data, int.from_bytes(data[:2], "big"), b"\0") < 2**32


RECORDS = b"\0\0\6\0\1\0\0\0\0\0\x16\0\0" + bytes(20)
"""The SOA of the root."""


def feed_shared_name(data: bytes) -> bool:
    """Names at every offset, one after another, are what they are when read alone; but for chains of too many pointers."""
    known: Known = {}
    accepted = False
    for at in range(min(len(data), 400)):
        try:
            alone: tuple[bytes, int] | str = parse_name(data, at)
        except Malformed as error:
            alone = error.what
        try:
            shared: tuple[bytes, int] | str = parse_shared_name(data, at, known)
        except Malformed:
            assert isinstance(alone, str)
            continue
        assert alone in (shared, "too many compression pointers")
        accepted = True
    return accepted


def feed_name(data: bytes) -> bool:
    accepted = False
    for at in {0, 12, len(data) // 2}:
        try:
            name, after = parse_name(data, at)
        except Malformed:
            continue
        assert 1 <= len(name) <= MAX_NAME
        assert at < after <= len(data)
        accepted = True
    return accepted


def feed_whole_name(data: bytes) -> bool:
    name, after = parse_whole_name(data, 0)
    assert name == data[:after].lower()
    return True


def feed_dnskey(data: bytes) -> bool:
    key = parse_dnskey(data)
    assert len(data) == 4 + len(key.public)
    assert 0 <= key.tag <= 0xFFFF
    return True


def feed_ds(data: bytes) -> bool:
    assert data[4:] == parse_ds(data).digest
    return True


def feed_rrsig(data: bytes) -> bool:
    found = parse_rrsig(data)
    assert len(data) == len(found.head) + len(found.signature)
    assert data[:18] == found.head[:18]
    assert found.head.endswith(found.signer)
    return True


def feed_options(data: bytes) -> bool:
    options = parse_options(data)
    assert len(options) <= MAX_OPTIONS
    assert len(data) == sum(4 + len(content) for _, content in options)
    return True


def feed_opt(data: bytes) -> bool:
    edns = parse_opt(int.from_bytes(data[:2], "big"), int.from_bytes(data[2:6], "big"), data[6:])
    assert 0 <= edns.extended_rcode <= 255
    assert 0 <= edns.version <= 255
    return True


def feed_peek(data: bytes) -> bool:
    seen = peek(data)
    assert data[12 : 12 + len(seen.question)] == seen.question
    assert 5 <= len(seen.key) <= MAX_NAME + 4
    return True


def feed_types(data: bytes) -> bool:
    at = min(12, len(data))
    types = parse_types(data, at)
    assert data[at:] == b"".join(bytes((window, len(bits))) + bits for window, bits in types.blocks.items())
    return _counted(types)


def feed_nsec(data: bytes) -> bool:
    found = parse_nsec(data)
    assert data[: len(found.next)].lower() == found.next
    return _counted(found.types)


def feed_nsec3(data: bytes) -> bool:
    found = parse_nsec3(data)
    assert len(found.salt) == data[4]
    assert 1 <= len(found.next) <= 255
    assert data[5 : 5 + len(found.salt)] + bytes((len(found.next),)) + found.next in data
    return _counted(found.types)


def _counted(types: Types) -> bool:
    most = [8 * len(bits) for bits in types.blocks.values()]
    window = next(iter(types.blocks), 0)
    assert len(types) <= sum(most)
    assert sum(rrtype in types for rrtype in range(window << 8, (window << 8) + 256)) <= len(types)
    return True


def feed_framer(data: bytes) -> bool:
    """However the stream is cut, the messages are the same, and they and the rest are the stream."""
    framer = Framer()
    whole = list(framer.feed(data))
    cut = data[0] % len(data) if data else 0
    pieces = Framer()
    assert whole == [*pieces.feed(data[:cut]), *pieces.feed(data[cut:])]
    assert len(data) == sum(len(frame(message)) for message in whole) + framer.pending
    return bool(whole)


def feed_inbox(data: bytes) -> bool:
    inbox = Inbox()
    cut = data[-1] % len(data) if data else 0
    heard = [*inbox.feed(data[:cut]), *inbox.feed(data[cut:])]
    return bool(heard)


def feed_reply(data: bytes) -> bool:
    flags, body = (data[0], data[1:]) if data else (0, b"")
    reply = parse_reply(CellMessage(MessageType.REPLY, flags, 0, 1, 1, 0, body))
    assert all(offset + 4 <= len(reply.message) for offset in reply.ttl_offsets)
    return True


def feed_hosts(data: bytes) -> bool:
    """What is accepted goes through `build_hosts` and back."""
    flags, body = (data[0], data[1:]) if data else (0, b"")
    hosts = parse_hosts(CellMessage(MessageType.HOSTS, flags, 0, 0, 0, 0, body))
    assert len(hosts) <= MAX_HOSTS
    again = [message for built in build_hosts(hosts) for message in Inbox().feed(built)]
    assert [hosts] * bool(hosts) == [parse_hosts(message) for message in again]
    return True


def feed_read(data: bytes) -> bool:
    """Asked what `data` says it answers, so that it comes far; what is accepted is held to its word."""
    key, flags = _asked(data), QueryFlag(data[0] & 15 if data else 0)
    found = judge(Query(key, flags, 0, 1), data, LIMITS)
    if not isinstance(found, Accepted):
        return False
    try:
        again = parse_message(found.message)
    except Malformed as error:
        raise AssertionError(f"an accepted answer does not read back: {error}") from None
    assert again.question == key
    assert again.additional_start == len(found.message)
    assert found.ttl_offsets == tuple(record.ttl_offset for record in again.answer + again.authority)
    assert all(record.ttl <= LIMITS.maximum_ttl for record in again.answer + again.authority)
    assert 0 <= found.keep <= LIMITS.maximum_ttl
    reply = Reply(found.message, found.ttl_offsets, float(found.keep), 1, Origin.UPSTREAM)
    assert reply == parse_reply(CellMessage(MessageType.REPLY, 0, 0, 1, 1, 0, build_reply(reply)))
    return True


def _asked(data: bytes) -> bytes:
    try:
        question = parse_message(data).question
    except Malformed:
        return SOME_KEY
    return question[:-4].lower() + question[-4:]


KEY = make_key(bytes(32))
ASKED = seal_query(KEY.key, bytes(40), bytes(32))


def feed_configs(data: bytes) -> bool:
    """What is accepted goes through `build_configs` and back."""
    keys = parse_configs(data)
    assert len(keys) <= MAX_CONFIGS
    assert not keys or keys == parse_configs(build_configs(keys))
    return True


def feed_envelope(data: bytes) -> bool:
    kind, key_id, sealed = parse_envelope(data)
    assert len(data) == 5 + len(key_id) + len(sealed)
    assert data[0] == kind
    return bool(sealed)


def feed_plaintext(data: bytes) -> bool:
    message = parse_plaintext(data)
    assert data[2:].startswith(message)
    assert not data[2 + len(message) + 2 :].strip(b"\0")
    return True


def feed_open_query(data: bytes) -> bool:
    """As it is, and in an envelope for a key that is there; nothing but the query that was sealed opens."""
    for body in (data, ASKED.body[:35] + len(data).to_bytes(2, "big") + data):
        try:
            open_query({KEY.key.key_id: KEY}, body)
        except Malformed:
            continue
        assert body == ASKED.body
        return True
    return False


def feed_signature(data: bytes) -> bool:
    """As it is, and with a comment and lines that decode around it."""
    lines = (
        b"untrusted comment: x",
        b64encode(b"ED" + data[:72].ljust(72, b"x")),
        b"trusted comment: " + data,
        b64encode(bytes(64)),
    )
    accepted = False
    for text in (data, b"\n".join(lines)):
        try:
            signature = parse_signature(text)
        except Malformed:
            continue
        accepted = True
        assert len(text) <= MAX_SIGNATURE
        assert (2, 8, 64, 64) == tuple(map(len, (*signature[:3], signature.overall)))
    return accepted


def feed_open_answer(data: bytes) -> bool:
    return bool(open_answer(ASKED, data))


def feed_carried(data: bytes) -> bool:
    assert data == build_carried(parse_carried(data))
    return True


def feed_hello(data: bytes) -> bool:
    """As a record, and as the content of one."""
    record = data if data[:1] == b"\x16" else b"\x16\3\1" + len(data[:16_384]).to_bytes(2, "big") + data[:16_384]
    length = record_length(record)
    if length is None or length > len(record):
        return False
    hello = parse_hello(record[:length])
    assert hello.server_name == hello.server_name.lower()
    assert sum(map(len, hello.protocols)) + len(hello.server_name) < length
    return hello != Hello()


def feed_service(data: bytes) -> bool:
    """What was read is written as it came, but for the letter case of the target."""
    service = parse_service(data)
    assert build_service(service).lower() == data.lower()
    return 0 < len(service.parameters) <= MAX_PARAMETERS


def feed_parameters(data: bytes) -> bool:
    parameters = parse_parameters(data)
    assert build_parameters(parameters) == data
    return 0 < len(parameters) <= MAX_PARAMETERS


def feed_alpn(data: bytes) -> bool:
    """The identifiers, each with its length, are all there was."""
    assert sum(len(one) + 1 for one in parse_alpn(data)) == len(data)
    return True


def feed_hint(data: bytes) -> bool:
    """Addresses of the length that was asked for; the first octet says which."""
    size = 4 if data[:1] < b"\x80" else 16
    assert b"".join(parse_hint(data[1:], size)) == data[1:]
    return True


def feed_mandatory(data: bytes) -> bool:
    """Two octets a key."""
    assert 2 * len(parse_mandatory(data)) == len(data)
    return True


def feed_news(data: bytes) -> bool:
    """Whatever one datagram tells has addresses of a known length and a name that fits."""
    told = list(parse_news(data))
    for news in told:
        if isinstance(news, AddressNews):
            assert len(news.address) in (4, 16)
            assert news.length <= 8 * len(news.address)
    return bool(told)


HARNESSES: dict[str, Callable[[bytes], bool]] = {
    "wire.dns.message.parse_message": feed_message,
    "wire.dns.message.parse_part": feed_part,
    "wire.dns.message.parse_received": feed_received,
    "resolver.iterate.zonecopy.parse_zone": feed_zone,
    "resolver.iterate.zonecopy.parse_timers": feed_timers,
    "resolver.iterate.transfer.Transfer.take": feed_transfer,
    "resolver.iterate.transfer.serial_in": feed_serial,
    "wire.dns.names.parse_name": feed_name,
    "wire.dns.names.parse_shared_name": feed_shared_name,
    "wire.dns.edns.parse_options": feed_options,
    "wire.dns.edns.parse_opt": feed_opt,
    "wire.dns.nsec.parse_nsec": feed_nsec,
    "wire.dns.nsec.parse_nsec3": feed_nsec3,
    "wire.dns.nsec.parse_types": feed_types,
    "wire.dns.peek.peek": feed_peek,
    "wire.dns.signing.parse_dnskey": feed_dnskey,
    "wire.dns.signing.parse_ds": feed_ds,
    "wire.dns.signing.parse_rrsig": feed_rrsig,
    "wire.dns.signing.parse_whole_name": feed_whole_name,
    "wire.dns.svcb.parse_service": feed_service,
    "wire.dns.svcb.parse_parameters": feed_parameters,
    "wire.dns.svcb.parse_alpn": feed_alpn,
    "wire.dns.svcb.parse_hint": feed_hint,
    "wire.dns.svcb.parse_mandatory": feed_mandatory,
    "wire.dns.framing.Framer.feed": feed_framer,
    "anchorhold.ipc.Inbox.feed": feed_inbox,
    "anchorhold.ipc.parse_reply": feed_reply,
    "anchorhold.leases.messages.parse_hosts": feed_hosts,
    "privacy.lists.minisign.parse_signature": feed_signature,
    "privacy.odoh.open_answer": feed_open_answer,
    "privacy.odoh.open_query": feed_open_query,
    "privacy.odoh.parse_configs": feed_configs,
    "privacy.odoh.parse_envelope": feed_envelope,
    "privacy.odoh.parse_plaintext": feed_plaintext,
    "resolver.accept.read": feed_read,
    "resolver.carried.parse_carried": feed_carried,
    "wire.netlink.parse_news": feed_news,
    "wire.tls_hello.parse_hello": feed_hello,
}
"""Each takes octets and says whether anything was accepted; only Malformed may escape."""

NEVER_RAISE = {"resolver.accept.read", "wire.dns.framing.Framer.feed"}
