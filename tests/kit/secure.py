"""A service with a `secure` cell, and a client that asks it over TLS as stubs do."""

import re
import ssl
from pathlib import Path

import dns.message
import dns.query
from kit.certificates import NAME, authority, identity
from kit.service import Running, config_text

PATIENCE = 60.0


def write_identity(folder: Path, kind: str = "good") -> None:
    """Chain and key, each in place of the former at once, as careful programs do."""
    made = identity(kind)
    for name, data in (("chain.pem", made.certificate), ("key.pem", made.key)):
        draft = folder / f".{name}"
        draft.write_bytes(data)
        draft.chmod(0o600)
        draft.rename(folder / name)


def secure_text(
    folder: Path, *, listen: str = '"tls://127.0.0.1:0"', extra: str = "", more: str = "", **how: str
) -> str:
    """A small configuration with `[secure]`; `extra` is of that table, `more` stands behind it."""
    table = (
        f'[secure]\nlisten = [{listen}]\nname = "{NAME}"\ncertificate = "files"\nchain = "chain.pem"\nkey = "key.pem"\n'
    )
    return config_text(folder, extra=table + extra + more, **how)  # type: ignore[arg-type]


def secure_config(folder: Path, **how: str) -> Path:
    """The same as a file beside its certificate."""
    write_identity(folder)
    path = folder / "anchorhold.toml"
    path.write_text(secure_text(folder, **how))
    return path


def secure_port(running: Running, scheme: str, count: int = 1) -> int:
    """The first port at which the `count`-th life of the cell serves `scheme`."""
    line = running.wait_for("secure (pid", f"serves {scheme}://", count=count)
    found = re.search(rf"{scheme}://127\.0\.0\.1:(\d+)", line)
    assert found is not None
    return int(found[1])


def tls_port(running: Running, count: int = 1) -> int:
    """That of `tls`."""
    return secure_port(running, "tls", count)


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=authority().pem)
    context.set_alpn_protocols(["dot"])
    return context


def ask_over_tls(port: int, name: str = "localhost", *, source: str = "127.0.0.1") -> dns.message.Message:
    """One question on a connection of its own, the server's name proved."""
    query = dns.message.make_query(name, "A", use_edns=0)
    return dns.query.tls(
        query, "127.0.0.1", PATIENCE, port, source=source, ssl_context=trusting(), server_hostname=NAME
    )
