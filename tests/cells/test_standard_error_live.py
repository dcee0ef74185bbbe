"""A service whose standard error nobody reads, and then somebody does again: it goes on, loses lines, and says how many."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from kit.service import PATIENCE, RUN

from anchorhold.control_client import ask_service
from anchorhold.isolation import read_isolation

F_SETPIPE_SZ = 1_031
RELOADS = 400


def drained(reading: int) -> bytes:
    """All that is there now."""
    found = b""
    while True:
        try:
            piece = os.read(reading, 65_536)
        except BlockingIOError:
            return found
        if not piece:
            return found
        found += piece


def test_a_log_that_nobody_reads_stops_nothing_and_goes_on_when_it_is_read(config: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, F_SETPIPE_SZ, 8_192)
    control = tmp_path / "control.sock"
    command = [sys.executable, "-c", RUN, "{}", str(config)]
    tests = str(Path(__file__).parents[1])
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=writing, env={**os.environ, "PYTHONPATH": tests}, text=True
    ) as service:
        try:
            assert service.stdout is not None
            assert "serving on" in service.stdout.readline()
            config.write_text("[listen]\n" + "".join(f"mistake-{number} = 5\n" for number in range(100)))
            for _ in range(RELOADS):
                # Each says some lines; when the pipe is full they go nowhere, and the supervisor answers all the same.
                service.send_signal(signal.SIGHUP)
                if (found := read_isolation(control)).lost:
                    break
            assert found.lost
            assert found.absent == ()
            assert any(line.get("cell") == "front" for line in ask_service(control, {"verb": "status"}))
            os.set_blocking(reading, False)
            heard, until = b"", time.monotonic() + PATIENCE
            while b"lines of the log that were lost here: " not in heard:
                assert time.monotonic() < until, heard[-1_000:]
                heard += drained(reading)
                service.send_signal(signal.SIGHUP)
                read_isolation(control)
        finally:
            service.send_signal(signal.SIGTERM)
            os.close(writing)
            assert service.wait(PATIENCE) == 0
            os.close(reading)
