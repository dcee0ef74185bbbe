"""Who looks into a certificate and its key has no right any more, and can do it all the same: processes of their own."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from kit.certificates import identity
from kit.peers import need_root
from kit.wayin import front

from anchorhold import snapshot
from anchorhold.cells.start import EXIT_CREDENTIALS
from anchorhold.link import LinkType, receive_message, send_message
from anchorhold.sandbox import find_user
from resolver.settings import SecureSettings

NOTING = """
import atexit, importlib, json, os, socket, ssl, sys
def noting(self, *given, **how):
    if not loaded:
        loaded.update(sys.modules)
        status = dict(line.split(":", 1) for line in about)
        seen.update(uids=os.getresuid(), groups=os.getgroups(), capabilities=int(status["CapPrm"], 16))
    return parse(self, *given, **how)
def tell():
    os.write(1, json.dumps(seen | {"late": sorted(set(sys.modules) - loaded)}).encode())
loaded, seen, about = set(), {}, open("/proc/self/status")
parse, ssl.SSLContext.load_cert_chain = ssl.SSLContext.load_cert_chain, noting
atexit.register(tell)
# What is imported late is seen here; under the filter it would be the end.
from anchorhold.sandbox import seccomp
seccomp.install, leave = lambda program: None, os._exit
os._exit = lambda code: (tell(), leave(code))
module, *given = sys.argv[1:]
given = [int(one) for one in given]
sys.exit(importlib.import_module(module).run(*(given if len(given) > 1 else [socket.socket(fileno=given[0])])))
"""


@contextmanager
def sealed() -> Iterator[tuple[int, int]]:
    """Chain and key, as the supervisor hands them on."""
    made = identity("good")
    chain, key = snapshot.seal_bytes(made.certificate), snapshot.seal_bytes(made.key)
    try:
        yield chain, key
    finally:
        os.close(chain)
        os.close(key)


def run(module: str, *descriptors: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-c", NOTING, module, *map(str, descriptors)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, pass_fds=descriptors)


def seen_by(process: subprocess.Popen[bytes]) -> tuple[int, dict[str, object]]:
    told, _ = process.communicate(timeout=60)
    return process.returncode, json.loads(told)


def seen_by_check() -> tuple[int, dict[str, object]]:
    with sealed() as (chain, key):
        return seen_by(run("anchorhold.secure_check", chain, key))


def seen_by_cell() -> tuple[int, dict[str, object]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(60)
    with ours, sealed() as credentials:
        with theirs:
            process = run("anchorhold.cells.secure", theirs.fileno())
        settings = snapshot.seal(SecureSettings(front(), name="dns.example"))
        send_message(ours, LinkType.SETTINGS, bytes(4), (settings,))
        os.close(settings)
        secret = snapshot.seal_bytes(bytes(32))
        send_message(ours, LinkType.SECRET, b"", (secret,))
        os.close(secret)
        send_message(ours, LinkType.CERTIFICATE, b"", credentials)
        send_message(ours, LinkType.START, bytes(4))
        told = receive_message(ours)
        assert told is not None
        assert (LinkType.LOG, True) == (told.type, told.body.startswith(b"secure: is shut in: user nobody, "))
        sealed_as = receive_message(ours)
        assert sealed_as is not None
        assert LinkType.SEALED is sealed_as.type
        said = [receive_message(ours), receive_message(ours)]
        assert [(LinkType.READY, b"\1\0\0\0"), (LinkType.ENCRYPTED, b"dns.example")] == [
            (one.type, one.body) for one in said if one is not None
        ]
        send_message(ours, LinkType.END)
        return seen_by(process)


@pytest.mark.parametrize("look", [seen_by_check, seen_by_cell])
def test_no_right_is_left_when_the_key_is_looked_into_and_no_file_is_needed_after(look: object) -> None:
    need_root("giving up rights")
    code, seen = look()  # type: ignore[operator]
    uid = find_user("nobody").pw_uid
    assert (0, {"uids": [uid] * 3, "groups": [], "capabilities": 0, "late": []}) == (code, seen)


def test_two_halves_that_do_not_fit_are_refused_with_a_code_of_its_own() -> None:
    chain, key = snapshot.seal_bytes(identity("good").certificate), snapshot.seal_bytes(identity("expired").key)
    assert EXIT_CREDENTIALS == seen_by(run("anchorhold.secure_check", chain, key))[0]
    os.close(chain)
    os.close(key)
