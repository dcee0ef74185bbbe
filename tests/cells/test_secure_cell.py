"""The secure cell in a whole service: real processes, real peers."""

import os
import re
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest
from kit.certificates import NAME, authority
from kit.peers import peer
from kit.processes import descriptors
from kit.secure import ask_over_tls, secure_config, secure_text, tls_port, trusting, write_identity
from kit.service import started

from anchorhold.control_client import ask_service

PATIENCE = 60.0


def connected(port: int) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", port), PATIENCE)
    return trusting().wrap_socket(plain, server_hostname=NAME)


def certificate_of(port: int) -> bytes:
    with connected(port) as client:
        return client.getpeercert(binary_form=True) or b""


def test_kdig_is_answered_over_tls_and_padded(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(authority().pem)
    with started(secure_config(tmp_path)) as running:
        port = tls_port(running)
        command = [peer("kdig"), "@127.0.0.1", "-p", str(port), f"+tls-ca={tmp_path}/ca.pem", f"+tls-hostname={NAME}"]
        command.append("+timeout=30")
        heard = subprocess.run(
            [*command, "+padding", "localhost", "A"], capture_output=True, text=True, timeout=PATIENCE
        )
        assert "status: NOERROR" in heard.stdout
        assert re.search(r"PADDING: \d+ B", heard.stdout)
        assert "Received 468 B" in heard.stdout
        assert running.end() == 0


def test_dnsperf_loses_nothing_over_tls(tmp_path: Path) -> None:
    (tmp_path / "names").write_text("localhost A\n1.0.0.127.in-addr.arpa PTR\n")
    config = secure_config(tmp_path, more="[limits]\nrate = 0\n")
    with started(config) as running:
        command = [
            peer("dnsperf"),
            "-m",
            "dot",
            "-s",
            "127.0.0.1",
            "-p",
            str(tls_port(running)),
            "-d",
            f"{tmp_path}/names",
            "-t",
            "30",
        ]
        run = subprocess.run([*command, "-n", "1000", "-c", "8"], capture_output=True, text=True, timeout=PATIENCE)
        assert re.search(r"Queries completed:\s+2000 \(100\.00%\)", run.stdout), run.stdout + run.stderr


def test_both_fronts_ask_one_resolver_and_know_each_its_own(tmp_path: Path) -> None:
    with started(secure_config(tmp_path)) as running:
        port = tls_port(running)
        assert 0 == ask_over_tls(port).rcode()
        lines = {line["cell"]: line for line in ask_service(tmp_path / "control.sock", {"verb": "status"})}
        assert ["front", "resolver", "secure"] == list(lines)
        assert {"misses": 1, "tls-handshakes": 1}.items() <= lines["secure"]["counters"].items()
        assert ("misses" in lines["front"]["counters"], [f"tls://127.0.0.1:{port}"]) == (
            False,
            lines["secure"]["listening"],
        )


def test_a_flush_reaches_the_cache_of_secure(tmp_path: Path) -> None:
    with started(secure_config(tmp_path)) as running:
        ask_over_tls(tls_port(running))
        lines = ask_service(tmp_path / "control.sock", {"verb": "cache-flush", "name": "00"})
        assert [("front", 0), ("secure", 1)] == [(line["cell"], line["flushed"]) for line in lines[:2]]


def test_a_name_or_an_address_is_in_no_line_of_the_log(tmp_path: Path) -> None:
    with started(secure_config(tmp_path)) as running:
        port = tls_port(running)
        ask_over_tls(port, "telling-name.example", source="127.0.0.77")
        with socket.create_connection(("127.0.0.1", port), PATIENCE, ("127.0.0.77", 0)) as client:
            client.sendall(b"GET /telling-name HTTP/1.1\r\n\r\n")
            assert client.recv(100) == b""
        assert running.end() == 0
        assert [line for line in running.lines if "telling-name" in line or "127.0.0.77" in line] == []


def test_a_cell_that_is_killed_is_back_and_its_listeners_never_close(tmp_path: Path) -> None:
    with started(secure_config(tmp_path)) as running:
        port = tls_port(running)
        former = running.cell("secure")
        os.kill(former, signal.SIGKILL)
        assert 0 == ask_over_tls(port).rcode()
        assert running.cell("secure") not in (0, former)
        running.wait_for("secure (pid", "signal SIGKILL", "at once")


def test_a_resolver_that_is_killed_serves_both_again(tmp_path: Path) -> None:
    with started(secure_config(tmp_path)) as running:
        port = tls_port(running)
        running.wait_for("serving on")
        os.kill(running.cell("resolver"), signal.SIGKILL)
        running.wait_for("resolver (pid", "serves again")
        assert 0 == ask_over_tls(port).rcode()


def test_a_new_certificate_is_in_use_within_seconds_and_the_old_connections_are_told(tmp_path: Path) -> None:
    with started(secure_config(tmp_path)) as running:
        port = tls_port(running)
        former = certificate_of(port)
        with connected(port) as client:
            write_identity(tmp_path, "self-signed")
            running.wait_for("there is a new certificate")
            # close_notify: an end without it would be an error here.
            assert b"" == client.recv(100)
        until_distrusted(port)
        write_identity(tmp_path, "good")
        assert former == until_new_trusted(port)
        running.wait_for("secure (pid", "serves tls://", count=3)


def until_distrusted(port: int) -> None:
    """The cell that ends may still take a connection, and break it off."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            certificate_of(port)
        except ssl.SSLCertVerificationError:
            return
        except (ssl.SSLEOFError, ConnectionError):
            pass
        time.sleep(0.05)
    raise AssertionError("the certificate stays")


def until_new_trusted(port: int) -> bytes:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            return certificate_of(port)
        except (ssl.SSLCertVerificationError, ssl.SSLEOFError, ConnectionError):
            # The second: on a busy machine a handshake may take longer than the cell that ends waits for it.
            time.sleep(0.05)
    raise AssertionError("the certificate stays")


def test_a_file_that_is_no_certificate_changes_nothing(tmp_path: Path) -> None:
    with started(secure_config(tmp_path)) as running:
        port = tls_port(running)
        pid = running.cell("secure")
        (tmp_path / "chain.pem").write_bytes((tmp_path / "chain.pem").read_bytes()[:200])
        running.wait_for("the certificate cannot be used: chain and key are not a certificate and its key in PEM form")
        running.wait_for("secure goes on with the certificate it has")
        assert (0, pid) == (ask_over_tls(port).rcode(), running.cell("secure"))


def test_without_a_certificate_front_serves_and_secure_comes_when_there_is_one(tmp_path: Path) -> None:
    config = secure_config(tmp_path)
    (tmp_path / "key.pem").unlink()
    with started(config) as running:
        running.wait_for("serving on")
        running.wait_for("no certificate:", "key.pem: No such file", "correct chain and key in [secure]")
        assert 0 == running.cell("secure")
        write_identity(tmp_path)
        assert 0 == ask_over_tls(tls_port(running)).rcode()


def test_a_key_that_everybody_may_read_is_refused(tmp_path: Path) -> None:
    config = secure_config(tmp_path)
    (tmp_path / "key.pem").chmod(0o644)
    with started(config) as running:
        running.wait_for("serving on", "nothing encrypted is served: everybody may read the key", "chmod 600")
        assert 0 == running.cell("secure")


def test_a_reload_takes_new_places_and_lets_go_of_the_table(tmp_path: Path) -> None:
    config = secure_config(tmp_path)
    with started(config) as running:
        port = tls_port(running)
        pid = running.cell("secure")
        # The same place again, and one more.
        config.write_text(secure_text(tmp_path, listen='"tls://127.0.0.1:0", "tls://127.0.0.2:0"'))
        running.signal(signal.SIGHUP)
        running.wait_for("configuration 2 is in force")
        line = running.wait_for("secure (pid", "tls://127.0.0.2:")
        assert (str(port) in line, pid, 0) == (True, running.cell("secure"), ask_over_tls(port).rcode())
        config.write_text(secure_text(tmp_path).partition("[secure]")[0])
        running.signal(signal.SIGHUP)
        running.wait_for("configuration 3 is in force")
        running.wait_for("secure (pid", "ended: exit code 0")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), PATIENCE)
        assert 0 == running.cell("secure")


def test_a_place_that_is_taken_is_said_and_the_old_configuration_stays(tmp_path: Path) -> None:
    config = secure_config(tmp_path)
    with started(config) as running, socket.create_server(("127.0.0.1", 0)) as taken:
        port = tls_port(running)
        config.write_text(secure_text(tmp_path, listen=f'"tls://127.0.0.1:{taken.getsockname()[1]}"'))
        running.signal(signal.SIGHUP)
        running.wait_for("cannot listen on", "the port is in use", "[secure] listen")
        assert 0 == ask_over_tls(port).rcode()


def test_the_end_says_close_notify(tmp_path: Path) -> None:
    with started(secure_config(tmp_path)) as running, connected(tls_port(running)) as client:
        assert running.end() == 0
        assert b"" == client.recv(100)


def test_once_it_serves_the_cell_holds_no_file(tmp_path: Path) -> None:
    with started(secure_config(tmp_path)) as running:
        port = tls_port(running)
        ask_over_tls(port)
        links = descriptors(running.cell("secure"))
        files = [link for number, link in links.items() if number > 2 and link.startswith("/") and link != "/dev/null"]
        assert [] == files
        assert [] == [link for link in links.values() if "memfd" in link]
