"""`tls` of AdGuard Home to `[secure]`."""

from ipaddress import ip_address

from anchorhold.migrate.adguardhome_clients import Clients
from anchorhold.migrate.document import Document, Way
from anchorhold.migrate.draft import Table
from anchorhold.migrate.words import address, show_address

PORTS = {"port_https": "https", "port_dns_over_tls": "tls", "port_dns_over_quic": "quic"}
USUAL = {"https": 443, "tls": 853, "quic": 853, "h3": 443}


def carry_tls(document: Document, draft: Table, clients: Clients) -> None:
    """Write it."""
    if not document.flag("tls", "enabled"):
        for place in document.below("tls"):
            document.report.kept(place, reason="encrypted ways were turned off there, and are here")
        _no_labels(document, clients)
        return
    chain, key = document.text("tls", "certificate_path"), document.text("tls", "private_key_path")
    if not (chain and key):
        document.dropped(
            ("tls",),
            "certificate and key stand in the file itself; save them as files, and name these as chain and key in [secure]",
        )
        _no_labels(document, clients)
        return
    secure = draft.table("secure")
    secure.set("certificate", "files")
    document.kept(("tls", "certificate_path"), secure.set("chain", chain, document.place("tls", "certificate_path")))
    document.kept(("tls", "private_key_path"), secure.set("key", key, document.place("tls", "private_key_path")))
    document.kept(("tls", "enabled"), "secure")
    name = document.text("tls", "server_name")
    if name:
        document.kept(("tls", "server_name"), secure.set("name", name, document.place("tls", "server_name")))
    _listen(document, secure)
    for label, (group, at) in clients.labels.items():
        secure.table("clients").set(label, group, at)
    for key_name in ("certificate_chain", "private_key"):
        document.kept(("tls", key_name), reason="the files are used")
    document.dropped(("tls", "port_dnscrypt"), "DNSCrypt is not served")
    document.dropped(("tls", "dnscrypt_config_file"), "DNSCrypt is not served")
    document.kept(
        ("tls", "strict_sni_check"), reason="a name that is nobody's gets the certificate, and is in no group"
    )
    for key_name in ("force_https", "allow_unencrypted_doh", "override_tls_ciphers"):
        document.dropped(("tls", key_name), "there is no such setting here")


def _no_labels(document: Document, clients: Clients) -> None:
    for _, place in clients.labels.values():
        if place is not None:
            document.report.dropped(place, "names of clients count on encrypted ways alone, and there are none")


def _listen(document: Document, secure: Table) -> None:
    hosts = [host for way in document.each("dns", "bind_hosts") if (host := address(document.text(*way))) is not None]
    schemes: list[tuple[str, Way]] = [(scheme, ("tls", key)) for key, scheme in PORTS.items()]
    if document.flag("dns", "serve_http3"):
        schemes.append(("h3", ("tls", "port_https")))
    for scheme, way in schemes:
        port = document.number(*way)
        if not port:
            document.kept(way)
            continue
        for host in hosts or [ip_address("0.0.0.0"), ip_address("::")]:  # noqa: S104 # as it was
            shown = show_address(host, port if port != USUAL[scheme] else None)
            document.kept(way, secure.add("listen", f"{scheme}://{shown}", document.place(*way)))
    document.kept(("dns", "serve_http3"), "secure.listen")
