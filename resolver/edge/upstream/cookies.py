"""DNS cookies on the asking side (RFC 7873 §5): ours is random for each server, theirs is what it last gave."""

from collections.abc import Callable

from wire.dns.codes import EdnsOption
from wire.dns.edns import build_opt
from wire.dns.message import Message, build_query, parse_message

CLIENT_LENGTH = 8
SHORTEST, LONGEST = 8, 32
"""Octets of a server's part (RFC 7873 §4)."""

MAX_SERVERS = 16


class CookieJar:
    """The cookies of one upstream, by address: another address is another server to the protocol."""

    def __init__(self, entropy: Callable[[int], bytes]) -> None:
        self._entropy = entropy
        self._client: dict[str, bytes] = {}
        self._server: dict[str, bytes] = {}
        self._contents: dict[str, bytes] = {}
        """Both together, as far as they were wanted."""

    def content(self, address: str) -> bytes:
        """What the COOKIE option to `address` holds."""
        found = self._contents.get(address)
        if found is None:
            client = self.client(address)
            found = self._contents[address] = client + self._server.get(address, b"")
        return found

    def client(self, address: str) -> bytes:
        """Our part for `address`: random, so that servers cannot find out from it that we are the same."""
        found = self._client.get(address)
        if found is None:
            if len(self._client) >= MAX_SERVERS:
                self._client.clear()
                self._server.clear()
                self._contents.clear()
            found = self._client[address] = self._entropy(CLIENT_LENGTH)
        return found

    def expects(self, address: str) -> bool:
        """Whether `address` has shown that it knows cookies."""
        return address in self._server

    def learn(self, address: str, content: bytes) -> None:
        """Keep the server's part of an option whose first part is ours."""
        if SHORTEST <= len(content) - CLIENT_LENGTH <= LONGEST:
            self._server[address] = content[CLIENT_LENGTH:]
            self._contents.pop(address, None)


def cookie_of(message: Message) -> bytes | None:
    """The content of its COOKIE option."""
    return message.edns.option(EdnsOption.COOKIE) if message.edns else None


def replace_cookie(query: bytes, content: bytes) -> bytes:
    """A query of our own with another COOKIE in its place; one without a COOKIE stays as it is."""
    if content in query:
        return query
    message = parse_message(query)
    edns = message.edns
    if edns is None or edns.option(EdnsOption.COOKIE) is None:
        return query
    options = [(code, content if code == EdnsOption.COOKIE else value) for code, value in edns.options]
    return build_query(message.question, message.flags, build_opt(edns.payload, edns.do, options))
