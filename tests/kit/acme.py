"""An ACME directory (RFC 8555) on loopback: real HTTPS, real signatures checked, certificates of an authority of its own."""

import base64
import datetime
import hashlib
import json
import secrets
import ssl
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import josepy
from acme import jws
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from josepy.jwk import JWKEC
from kit.certificates import authority, identity, server_context

POINT = "/.well-known/acme-challenge/"
DAY = datetime.timedelta(days=1)


@dataclass
class Refusal(Exception):
    """A problem document (RFC 8555 §6.7)."""

    kind: str
    detail: str
    status: int = 400


@dataclass
class Order:
    names: list[str]
    tokens: dict[str, str] = field(default_factory=dict)
    """By name."""
    valid: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    chain: str = ""


@dataclass
class Directory:
    """What the server knows and how it behaves. `look` gives the TXT values at a name; `port` is where http-01 is asked."""

    look: Callable[[str], list[str]] = lambda name: []
    port: int = 0
    terms: str = ""
    external: bool = False
    refuse: Refusal | None = None
    """Every order ends so."""
    stale_nonces: int = 0
    """So many signed requests are told that their nonce is too old."""
    answer: bytes = b""
    """Instead of a certificate."""
    challenges: tuple[str, ...] = ("dns-01", "http-01")
    url: str = ""
    accounts: dict[str, JWKEC] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)
    nonces: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    contacts: list[str] = field(default_factory=list)
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def nonce(self) -> str:
        made = base64.urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode()
        self.nonces.add(made)
        return made

    def names_of(self) -> dict[str, Any]:
        meta = {"externalAccountRequired": self.external, **({"termsOfService": self.terms} if self.terms else {})}
        return {
            "newNonce": f"{self.url}/nonce",
            "newAccount": f"{self.url}/account",
            "newOrder": f"{self.url}/order",
        } | {
            "revokeCert": f"{self.url}/revoke",
            "keyChange": f"{self.url}/change",
            "meta": meta,
        }

    def opened(self, path: str, body: bytes) -> tuple[JWKEC, str, dict[str, Any]]:
        """The key, account and payload of a signed request (RFC 8555 §6.2–6.5)."""
        signed = jws.JWS.json_loads(body.decode())
        header = signed.signature.combined
        protected = json.loads(base64.urlsafe_b64decode(json.loads(body)["protected"] + "=="))
        if (
            protected["alg"] != "ES256"
            or protected["url"] != self.url + path
            or ("jwk" in protected) == ("kid" in protected)
        ):
            raise Refusal("malformed", f"this header is wrong: {protected}")
        if ("jwk" in protected) is not (path == "/account"):
            raise Refusal("malformed", "the key itself belongs into newAccount only")
        key = header.jwk if path == "/account" else self.accounts.get(header.kid)
        if key is None:
            raise Refusal("accountDoesNotExist", "who is that?")
        if not signed.verify(key):
            raise Refusal("malformed", "the signature is wrong")
        if protected["nonce"] not in self.nonces or self.stale_nonces > 0:
            self.stale_nonces -= 1
            raise Refusal("badNonce", "this nonce was used or is too old")
        self.nonces.remove(protected["nonce"])
        return key, header.kid or "", json.loads(signed.payload) if signed.payload else {}

    # Resources: status, body, headers.

    def handle(self, path: str, body: bytes) -> tuple[int, object, dict[str, str]]:
        key, _, payload = self.opened(path, body)
        self.asked.append(path.split("/")[1])
        match path.split("/")[1:]:
            case ["account"]:
                return self.account(key, payload)
            case ["order"]:
                return self.new_order(payload)
            case ["order", number]:
                return 200, self.shown(int(number)), {}
            case ["authorization", number, name]:
                return 200, self.authorization(int(number), name), {}
            case ["challenge", number, name, kind]:
                self.check(int(number), name, kind, key)
                up = f'<{self.url}/authorization/{number}/{name}>;rel="up"'
                return 200, self.challenge(int(number), name, kind), {"Link": up}
            case ["finalize", number]:
                self.finalize(int(number), payload)
                return 200, self.shown(int(number)), {}
            case ["certificate", number]:
                return 200, self.answer or self.orders[int(number)].chain.encode(), {}
        raise Refusal("malformed", "no such resource", 404)

    def account(self, key: JWKEC, payload: dict[str, Any]) -> tuple[int, object, dict[str, str]]:
        if self.terms and not payload.get("termsOfServiceAgreed"):
            raise Refusal("userActionRequired", "the terms were not agreed to", 403)
        known = [url for url, one in self.accounts.items() if one == key]
        url = known[0] if known else f"{self.url}/account/{len(self.accounts)}"
        self.accounts[url] = key
        self.contacts += payload.get("contact", [])
        return 200 if known else 201, {"status": "valid"}, {"Location": url}

    def new_order(self, payload: dict[str, Any]) -> tuple[int, object, dict[str, str]]:
        if self.refuse is not None:
            raise self.refuse
        names = [one["value"] for one in payload["identifiers"]]
        assert all(one["type"] == "dns" for one in payload["identifiers"])
        self.orders.append(Order(names, {name: secrets.token_urlsafe(24) for name in names}))
        number = len(self.orders) - 1
        return 201, self.shown(number), {"Location": f"{self.url}/order/{number}"}

    def shown(self, number: int) -> dict[str, object]:
        order = self.orders[number]
        ready = order.valid == set(order.names)
        shown: dict[str, object] = {
            "status": "valid" if order.chain else "ready" if ready else "pending",
            "identifiers": [{"type": "dns", "value": name} for name in order.names],
            "authorizations": [f"{self.url}/authorization/{number}/{name}" for name in order.names],
            "finalize": f"{self.url}/finalize/{number}",
        }
        return shown | ({"certificate": f"{self.url}/certificate/{number}"} if order.chain else {})

    def authorization(self, number: int, name: str) -> dict[str, object]:
        order = self.orders[number]
        kinds = [kind for kind in self.challenges if not (name.startswith("*") and kind == "http-01")]
        return {
            "status": "valid" if name in order.valid else "invalid" if name in order.failed else "pending",
            "identifier": {"type": "dns", "value": name.removeprefix("*.")},
            "wildcard": name.startswith("*."),
            "challenges": [self.challenge(number, name, kind) for kind in kinds],
        }

    def challenge(self, number: int, name: str, kind: str) -> dict[str, object]:
        order = self.orders[number]
        status = "valid" if name in order.valid else "invalid" if name in order.failed else "pending"
        shown: dict[str, object] = {
            "type": kind,
            "url": f"{self.url}/challenge/{number}/{name}/{kind}",
            "status": status,
        }
        shown["token"] = order.tokens[name]
        if name in order.failed:
            shown["error"] = {"type": "urn:ietf:params:acme:error:unauthorized", "detail": order.failed[name]}
        return shown

    def check(self, number: int, name: str, kind: str, key: JWKEC) -> None:
        """Look for the proof, as §8.3 and §8.4 say."""
        order = self.orders[number]
        token = order.tokens[name]
        print_ = base64.urlsafe_b64encode(key.thumbprint()).rstrip(b"=").decode()
        wanted = f"{token}.{print_}"
        if kind == "http-01":
            url = f"http://127.0.0.1:{self.port}{POINT}{token}"
            try:
                with urllib.request.urlopen(url, timeout=5) as answer:
                    found = [answer.read().decode()]
            except OSError as error:
                found = [f"{error}"]
        else:
            digest = hashlib.sha256(wanted.encode()).digest()
            wanted = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            found = self.look(f"_acme-challenge.{name.removeprefix('*.')}")
        if wanted in found:
            order.valid.add(name)
        else:
            order.failed[name] = f"found {found!r}\nand nothing else"

    def finalize(self, number: int, payload: dict[str, Any]) -> None:
        order = self.orders[number]
        if order.valid != set(order.names):
            raise Refusal("orderNotReady", "prove the names first", 403)
        request = x509.load_der_x509_csr(josepy.json_util.decode_b64jose(payload["csr"]))
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        if not request.is_signature_valid or set(names.get_values_for_type(x509.DNSName)) != set(order.names):
            raise Refusal("badCSR", "other names than in the order")
        now = datetime.datetime.now(datetime.UTC)
        leaf = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Public authority")]))
            .public_key(request.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + 89 * DAY)
            .add_extension(names, critical=True)
            .sign(self.key, hashes.SHA256())
        )
        order.chain = leaf.public_bytes(Encoding.PEM).decode() + authority().pem


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    """One write for an answer: else the client's acknowledgement is waited for in the middle."""
    directory: Directory

    def do_HEAD(self) -> None:
        self.reply(200, b"", {})

    def do_GET(self) -> None:
        self.reply(200, json.dumps(self.directory.names_of()).encode(), {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            assert self.headers["Content-Type"] == "application/jose+json"
            status, answer, headers = self.directory.handle(self.path, body)
            data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.reply(status, data, headers)
        except Refusal as error:
            problem = {"type": f"urn:ietf:params:acme:error:{error.kind}", "detail": error.detail}
            self.reply(error.status, json.dumps(problem).encode(), {"Content-Type": "application/problem+json"})

    def reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | headers).items():
            self.send_header(name, value)
        self.send_header("Replay-Nonce", self.directory.nonce())
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def acme_directory(directory: Directory) -> Iterator[Directory]:
    """Serve it at https://127.0.0.1:PORT with the certificate `address` of `kit.certificates`."""
    handler = type("Handler", (_Handler,), {"directory": directory})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    context: ssl.SSLContext = server_context(identity("address"))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # a client that hangs up is no news
    directory.url = f"https://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield directory
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
