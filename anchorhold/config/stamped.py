"""`sdns://` stamps as the server URLs they stand for."""

from anchorhold.config.errors import Wrong
from wire.dns.stamps import Stamp, StampProtocol, read_stamp

_SCHEMES = {
    StampProtocol.PLAIN: "udp",
    StampProtocol.DOT: "tls",
    StampProtocol.DOH: "https",
    StampProtocol.DOQ: "quic",
    StampProtocol.ODOH_TARGET: "odoh",
    StampProtocol.ODOH_RELAY: "https",
}


def stamp_url(text: str) -> str:
    """The URL of the server in a stamp. Raises Wrong.

    Hashes in a stamp are of whole certificates, not of keys, so they cannot be pins (RFC 7858 §4.2): the server proves its
    name instead. Bootstrap addresses in a stamp are not used either: who is asked is named in the configuration.
    """
    stamp = _read(text)
    if stamp.protocol is StampProtocol.ODOH_RELAY:
        raise Wrong("the stamp is a relay's", "write it as relay = beside a target: { url = …, relay = … }")
    return _url(stamp)


def relay_url(text: str) -> str:
    """The URL of a relay, from its stamp if it is one. Raises Wrong."""
    if not text.startswith("sdns:"):
        return text
    stamp = _read(text)
    if stamp.protocol is not StampProtocol.ODOH_RELAY:
        raise Wrong(
            "the stamp is no relay's", "a relay is https://NAME@ADDRESS/PATH, or a stamp that begins with sdns://hQ"
        )
    return _url(stamp)


def _read(text: str) -> Stamp:
    try:
        return read_stamp(text)
    except ValueError as error:
        raise Wrong(str(error), "copy the stamp again, or write tls://NAME@ADDRESS") from None


def _url(stamp: Stamp) -> str:
    host, host_port = _split(stamp.host)
    address, address_port = _split(stamp.address)
    port = address_port or host_port
    name = f"{host}@" if host and address else host
    path = stamp.path if stamp.path.startswith("/") else f"/{stamp.path}" if stamp.path else ""
    return f"{_SCHEMES[stamp.protocol]}://{name}{address}{f':{port}' if port else ''}{path}"


def _split(text: str) -> tuple[str, str]:
    """A host and its port: `name:443`, `192.0.2.1`, `[2001:db8::1]:443`, or an IPv6 address alone (gets its brackets)."""
    if text.count(":") > 1 and not text.startswith("["):
        return f"[{text}]", ""
    if text.startswith("["):
        host, _, rest = text.partition("]")
        return f"{host}]", rest.removeprefix(":")
    host, _, port = text.partition(":")
    return host, port
