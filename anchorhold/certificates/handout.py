"""What devices are handed out: a page, the authority's certificate, profiles for Apple's systems, codes to scan. Pure.

The page is one file without a script, a font or a picture from elsewhere. It has to reach devices by a way that is trusted
already: a device on which somebody else's authority was installed trusts somebody else.
"""

import plistlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from io import BytesIO

import segno
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from anchorhold.certificates.authority import fingerprint_of
from anchorhold.certificates.pair import show_date
from anchorhold.certificates.shown import permitted_by
from anchorhold.certificates.steps import STEPS

_SPACE = uuid.UUID("b7a1a0a5-7f0e-5b53-9a39-3a5b0c9d6e41")
"""Of our identifiers (RFC 9562 §5.5): the same resolver gives the same ones, so that a profile replaces its former self."""

NOTHING_TO_TRUST = (
    "Its certificate is one that devices trust as they are; there is nothing to install but the profiles."
)


@dataclass(frozen=True, slots=True)
class Served:
    """What is served: the resolver's name, addresses to find it by, the port of DoT (0: none), the URL of DoH ("": none); the
    private authority, and where the page itself will be ("": unknown)."""

    name: str
    addresses: tuple[str, ...]
    tls_port: int = 853
    https_url: str = ""
    authority: x509.Certificate | None = None
    page_url: str = ""


def files_for(served: Served) -> dict[str, bytes]:
    """Name → content of every file of the hand-out."""
    files = {"index.html": page(served).encode()}
    if served.authority is not None:
        files["authority.crt"] = served.authority.public_bytes(Encoding.DER)
        files["authority.pem"] = served.authority.public_bytes(Encoding.PEM)
    for kind in _protocols(served):
        files[f"anchorhold-{kind.lower()}.mobileconfig"] = profile(served, kind)
    for name, text in _codes(served).items():
        files[f"{name}.svg"] = _drawn(text)
    return files


def profile(served: Served, protocol: str) -> bytes:
    """A configuration profile (XML property list): the authority, if it is ours, and the DNS settings by `TLS` or `HTTPS`."""
    payloads = [] if served.authority is None else [_authority_payload(served, served.authority)]
    payloads.append(_dns_payload(served, protocol))
    whole = {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"anchorhold.{served.name}",
        "PayloadUUID": _identifier(served, f"profile {protocol}"),
        "PayloadDisplayName": f"DNS of {served.name}",
        "PayloadDescription": f"Sends DNS questions encrypted to {served.name}.",
        "PayloadContent": payloads,
    }
    return plistlib.dumps(whole, sort_keys=True)


def page(served: Served) -> str:
    """The page: what this is, how to see that it is genuine, and what to do on each kind of device."""
    return _PAGE.format(
        name=escape(served.name),
        facts="\n".join(f"<tr><th>{head}<td>{text}" for head, text in _facts(served)),
        trust=_trust(served),
        codes="\n".join(
            f"<figure>{_inline(text)}<figcaption>{escape(text)}</figure>" for text in _codes(served).values()
        ),
        steps="\n".join(_steps(served)),
    )


def _protocols(served: Served) -> list[str]:
    return [*(["HTTPS"] if served.https_url else []), *(["TLS"] if served.tls_port == 853 else [])]


def _codes(served: Served) -> dict[str, str]:
    codes = {"page": served.page_url, "https": served.https_url, "name": "" if served.https_url else served.name}
    return {name: text for name, text in codes.items() if text}


def _authority_payload(served: Served, authority: x509.Certificate) -> dict[str, object]:
    return {
        "PayloadType": "com.apple.security.root",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"anchorhold.{served.name}.authority",
        "PayloadUUID": _identifier(served, f"authority {fingerprint_of(authority)}"),
        "PayloadDisplayName": f"Authority of {served.name}",
        "PayloadCertificateFileName": "authority.crt",
        "PayloadContent": authority.public_bytes(Encoding.DER),
    }


def _dns_payload(served: Served, protocol: str) -> dict[str, object]:
    settings: dict[str, object] = {"DNSProtocol": protocol}
    if served.addresses:
        settings["ServerAddresses"] = list(served.addresses)
    if protocol == "HTTPS":
        settings["ServerURL"] = served.https_url
    else:
        settings["ServerName"] = served.name
    return {
        "PayloadType": "com.apple.dnsSettings.managed",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"anchorhold.{served.name}.dns",
        "PayloadUUID": _identifier(served, f"dns {protocol}"),
        "PayloadDisplayName": f"Encrypted DNS of {served.name}",
        "DNSSettings": settings,
    }


def _identifier(served: Served, what: str) -> str:
    return str(uuid.uuid5(_SPACE, f"{served.name} {what}")).upper()


def _facts(served: Served) -> Iterator[tuple[str, str]]:
    yield "Name", f"<code>{escape(served.name)}</code>"
    if served.addresses:
        yield "Addresses", ", ".join(f"<code>{escape(one)}</code>" for one in served.addresses)
    if served.tls_port:
        yield "DNS over TLS", f"port {served.tls_port}"
    if served.https_url:
        yield "DNS over HTTPS", f"<code>{escape(served.https_url)}</code>"
    if served.authority is not None:
        yield (
            "Authority",
            f"until {show_date(served.authority.not_valid_after_utc)}; SHA-256 fingerprint:<br>"
            f"<code>{fingerprint_of(served.authority)}</code>",
        )


def _trust(served: Served) -> str:
    authority = served.authority
    if authority is None:
        return NOTHING_TO_TRUST
    return (
        "Devices have to trust the authority of this resolver. It can sign for nothing but "
        f"{escape(', '.join(permitted_by(authority)))}: not for any site of the Internet, not even if its key is stolen. "
        "<b>Compare the fingerprint</b> that the device shows with the one on the resolver itself "
        "(<code>anchorhold certs show</code>) before you accept it."
    )


def _steps(served: Served) -> Iterator[str]:
    words = {"name": served.name, "url": served.https_url, "address": served.addresses[0] if served.addresses else ""}
    words = {key: escape(text) for key, text in words.items()}
    for step in STEPS:
        lacks = (step.https and not served.https_url) or (step.tls and served.tls_port != 853)
        lacks = lacks or (step.address and not served.addresses)
        if not lacks and step.private in (None, served.authority is not None):
            yield (
                f"<h2>{step.device}</h2>\n<ol>"
                + "".join(f"\n<li>{one.format(**words)}" for one in step.lines)
                + "</ol>"
            )


def _drawn(text: str) -> bytes:
    out = BytesIO()
    segno.make_qr(text, error="m").save(out, kind="svg", scale=4, border=4, dark="#000", light="#fff")
    return out.getvalue()


def _inline(text: str) -> str:
    return segno.make_qr(text, error="m").svg_inline(scale=4, border=4, dark="#000", light="#fff")


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src 'self'">
<title>Encrypted DNS: {name}</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem }}
body {{ color: #222; background: #fff }}
h1 {{ font-size: 1.5rem }} h2 {{ font-size: 1.1rem; margin: 2rem 0 0 }}
code {{ background: #eee; padding: 0 .2rem; overflow-wrap: anywhere }}
pre {{ overflow-x: auto; background: #eee; padding: .6rem; margin: .4rem 0 }} pre code {{ padding: 0 }}
th {{ text-align: left; vertical-align: top; padding-right: 1rem; white-space: nowrap }}
figure {{ display: inline-block; margin: 1rem 1rem 0 0; max-width: 100% }} figcaption {{ font-size: .85rem }}
@media (prefers-color-scheme: dark) {{
  body {{ color: #ddd; background: #111 }} code, pre {{ background: #222 }} a {{ color: #8bf }}
}}
</style>
<h1>Encrypted DNS: {name}</h1>
<table>
{facts}
</table>
<p>{trust}
{codes}
{steps}
</html>
"""
