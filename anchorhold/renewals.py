"""The supervisor's side of certificates: one run of `anchorhold.certificates.renew` at the start and every hour. It is started
and waited for; what it makes is seen like any other change of the files."""

import os
import socket
from pathlib import Path

from anchorhold.certificates.request import start_renewal
from anchorhold.certificates.settings import FOLDER_NAME, Challenge, Kind, RenewSettings
from anchorhold.facts import log
from anchorhold.forking import Child
from anchorhold.state import StateRefused, open_folder

NAME = "supervisor"

EVERY = 3_600.0
"""Seconds between two runs."""

HTTP_PORT = 80
"""Where an authority asks for http-01 (RFC 8555 §8.3)."""


class Renewals:
    """At most one run at a time. `owner` (uid, gid) is whom the run becomes and whose the folder is; None: us."""

    def __init__(self, state: Path, environment: dict[str, str], owner: tuple[int, int] | None) -> None:
        self._state = state
        self._environment = environment
        self._owner = owner
        self._settings: RenewSettings | None = None
        self._process: Child | None = None
        self._answer: socket.socket | None = None
        self._due = 0.0
        self._said = ""

    @property
    def running(self) -> bool:
        """Whether a run is under way, or due at once."""
        return self._process is not None or (self._settings is not None and self._due == 0.0)

    def use(self, settings: RenewSettings | None) -> None:
        """What is wanted from now on; None: nothing. Other wishes are seen to at once."""
        if settings != self._settings:
            self._settings = settings
            self._due = 0.0

    def look(self, now: float) -> bool:
        """Start what is due, take note of what has ended: whether a run has."""
        ended = self._process is not None and self._process.poll() is not None
        if ended:
            self._ended()
        if self._process is not None:
            return False
        if self._settings is not None and now >= self._due:
            self._due = now + EVERY
            self._start(self._settings)
        return ended

    def close(self) -> None:
        """The service ends, and a run with it: it leaves nothing half done."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._ended()

    def _start(self, settings: RenewSettings) -> None:
        try:
            folder = open_folder(self._state, self._owner, FOLDER_NAME)
        except StateRefused as error:
            self._say(str(error))
            return
        try:
            self._answer = self._open_answer(settings)
            answer = -1 if self._answer is None else self._answer.fileno()
            self._process = start_renewal(settings, folder, self._environment, answer)
        except OSError as error:
            self._say(f"certificates cannot be looked after: {error.strerror}")
        finally:
            os.close(folder)

    def _open_answer(self, settings: RenewSettings) -> socket.socket | None:
        """The port for http-01, for the time of the run; without it the run says what to do, if it needs it."""
        acme = settings.acme
        if settings.kind is not Kind.ACME or acme is None or acme.challenge is not Challenge.HTTP:
            return None
        for family, host in ((socket.AF_INET6, "::"), (socket.AF_INET, "0.0.0.0")):  # noqa: S104 # it is asked from anywhere
            try:
                return socket.create_server((host, HTTP_PORT), family=family, dualstack_ipv6=family == socket.AF_INET6)
            except (OSError, ValueError):
                continue
        return None

    def _ended(self) -> None:
        self._process = None
        if self._answer is not None:
            self._answer.close()
            self._answer = None

    def _say(self, text: str) -> None:
        """Once."""
        if text != self._said:
            log(NAME, text)
        self._said = text
