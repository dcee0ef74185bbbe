"""How we show that a name is ours: a TXT record by dynamic update or by somebody's program, or an answer at port 80."""

import re
import socket
import subprocess
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Thread
from time import sleep
from typing import Any, Protocol

import dns.exception
import dns.name
import dns.query
import dns.rcode
import dns.tsig
import dns.update

from anchorhold.certificates.folder import CertificatesRefused
from anchorhold.certificates.renewal import Failed
from anchorhold.certificates.settings import AcmeSettings, Challenge, UpdateServer

HOOK_PATIENCE = 120.0
"""Seconds the program may take for one record."""

UPDATE_PATIENCE = 15.0
RECORD_TTL = 60

_KEY_FILE = re.compile(
    r'key\s+"?(?P<name>[\w.-]+)"?\s*\{(?=[^}]*algorithm\s+"?(?P<algorithm>[\w.-]+)"?\s*;)'
    r'(?=[^}]*secret\s+"?(?P<secret>[A-Za-z0-9+/=]+)"?\s*;)[^}]*\}\s*;?'
)
"""As `tsig-keygen` and `keymgr -t` of the well-known servers write it."""

_COMMENT = re.compile(r"(?:#|//)[^\n]*|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Proof:
    """One name's. `token` and `value` are ASCII; `value` is the key authorization for http-01, its digest for dns-01."""

    name: str
    token: str
    value: str


class Presenter(Protocol):
    """Puts proofs where the authority looks, and takes them away."""

    challenge: Challenge

    def present(self, proofs: list[Proof]) -> None:
        """All of them, and when this returns they can be seen. Raises Failed."""

    def clean(self, proofs: list[Proof]) -> None:
        """Take them away. Raises Failed."""


def presenter_for(settings: AcmeSettings, tsig_key: bytes, listener: socket.socket | None) -> Presenter:
    """The one that `settings` name. Raises CertificatesRefused."""
    if settings.challenge is Challenge.HTTP:
        if listener is None:
            raise CertificatesRefused(
                "http-01 needs port 80, and it could not be had; free it, give the service the right to it, or use dns-01"
            )
        return HttpPresenter(listener)
    if settings.update is not None:
        return UpdatePresenter(settings.update, tsig_key, lambda: sleep(settings.wait))
    if settings.hook:
        return HookPresenter(settings.hook, lambda: sleep(settings.wait))
    raise CertificatesRefused("dns-01 needs update or hook in [secure.acme]: how is the TXT record to be set?")


class UpdatePresenter:
    """Dynamic updates (RFC 2136) signed with TSIG (RFC 8945), over TCP."""

    challenge = Challenge.DNS

    def __init__(self, server: UpdateServer, key_file: bytes, wait: Callable[[], None]) -> None:
        """Raises CertificatesRefused if the key file is none."""
        self._server = server
        self._key = read_tsig_key(key_file, server.key_file)
        self._zone = dns.name.from_text(server.zone)
        self._wait = wait

    def present(self, proofs: list[Proof]) -> None:
        """One update with all of them; then as long as the zone's other servers may need."""
        update = self._update()
        for proof in proofs:
            update.add(record_name(proof), RECORD_TTL, "TXT", f'"{proof.value}"')
        self._send(update)
        self._wait()

    def clean(self, proofs: list[Proof]) -> None:
        """Our records only: others may prove something there too."""
        update = self._update()
        for proof in proofs:
            update.delete(record_name(proof), "TXT", f'"{proof.value}"')
        self._send(update)

    def _update(self) -> dns.update.UpdateMessage:
        return dns.update.UpdateMessage(self._zone, keyring=self._key, keyname=self._key.name)

    def _send(self, update: dns.update.UpdateMessage) -> None:
        where = f"the server {self._server.address} at port {self._server.port}"
        try:
            answer = dns.query.tcp(update, self._server.address, UPDATE_PATIENCE, self._server.port)
        except (OSError, EOFError, dns.exception.DNSException) as error:
            raise Failed(
                f"{where} took no update: {str(error) or type(error).__name__}; is it the zone's primary?"
            ) from None
        if answer.rcode() != dns.rcode.NOERROR:
            raise Failed(
                f"{where} refused the update ({dns.rcode.to_text(answer.rcode())}); does its policy let this key change "
                "the TXT records of _acme-challenge?"
            )


class HookPresenter:
    """A program of the user's: `PROGRAM … present|clean NAME VALUE` for each record; exit code 0 says that it is done."""

    challenge = Challenge.DNS

    def __init__(self, program: tuple[str, ...], wait: Callable[[], None]) -> None:
        self._program = program
        self._wait = wait

    def present(self, proofs: list[Proof]) -> None:
        """One call each; then as long as the zone's other servers may need."""
        for proof in proofs:
            self._call("present", proof)
        self._wait()

    def clean(self, proofs: list[Proof]) -> None:
        """One call each."""
        for proof in proofs:
            self._call("clean", proof)

    def _call(self, what: str, proof: Proof) -> None:
        # No shell: the names and values are arguments, whatever they hold.
        command = [*self._program, what, record_name(proof).to_text(omit_final_dot=True), proof.value]
        try:
            done = subprocess.run(  # noqa: S603 # the user's own program
                command, stdin=subprocess.DEVNULL, timeout=HOOK_PATIENCE, check=False
            )
        except subprocess.TimeoutExpired:
            raise Failed(f"{self._program[0]} {what} took longer than {HOOK_PATIENCE:.0f} s") from None
        except OSError as error:
            raise Failed(f"{self._program[0]}: {error.strerror}; the service's user must be able to run it") from None
        if done.returncode != 0:
            raise Failed(f"{self._program[0]} {what} ended with exit code {done.returncode}; see what it said")


class HttpPresenter:
    """Answers at `listener`, which is bound to port 80, while the proofs are there; nothing else is served."""

    challenge = Challenge.HTTP

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._server: _Answering | None = None

    def present(self, proofs: list[Proof]) -> None:
        """From now on."""
        self._server = _Answering(self._listener, {f"/.well-known/acme-challenge/{one.token}": one for one in proofs})
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def clean(self, proofs: list[Proof]) -> None:
        """No more; the socket itself stays with whoever gave it."""
        if self._server is not None:
            self._server.shutdown()
            self._server = None


class _Answering(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, listener: socket.socket, answers: dict[str, Proof]) -> None:
        super().__init__(listener.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        listener.setblocking(True)
        self.socket = listener
        self.answers = answers

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is no news."""


class _Handler(BaseHTTPRequestHandler):
    timeout = 10
    server_version = "anchorhold"
    sys_version = ""

    def do_GET(self) -> None:
        """RFC 8555 §8.3: the key authorization as it is."""
        server = self.server
        assert isinstance(server, _Answering)  # noqa: S101 # ours
        proof = server.answers.get(self.path)
        if proof is None:
            self.send_error(404)
            return
        body = proof.value.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Who asks is written nowhere."""


def record_name(proof: Proof) -> dns.name.Name:
    """Where the TXT record goes (RFC 8555 §8.4); a wildcard's is at the name below it."""
    return dns.name.from_text(f"_acme-challenge.{proof.name.removeprefix('*.')}.")


def read_tsig_key(data: bytes, path: str) -> dns.tsig.Key:
    """The one key of a file such as `tsig-keygen` writes. Raises CertificatesRefused, without a word of the key."""
    found = _KEY_FILE.fullmatch(_COMMENT.sub("", data.decode("ascii", "replace")).strip())
    hint = 'write: key "name" { algorithm hmac-sha256; secret "BASE64"; }; (tsig-keygen does)'
    if found is None:
        raise CertificatesRefused(f"{path} holds no TSIG key; {hint}")
    try:
        b64decode(found["secret"], validate=True)
        key = dns.tsig.Key(found["name"], found["secret"], found["algorithm"])
        dns.tsig.get_context(key)  # type: ignore[no-untyped-call] # dnspython has no types here
    except (NotBase64, NotImplementedError, dns.exception.DNSException):
        raise CertificatesRefused(f"{path}: its algorithm or secret is none that is known; {hint}") from None
    return key
