"""The one place where a process gives up its rights, after all imports and before the first byte from outside."""

import ctypes
import importlib
import os
import pwd
import struct
from collections.abc import Callable

from anchorhold.sandbox import seccomp
from anchorhold.sandbox.numbers import NoSuchCall
from anchorhold.sandbox.profile import Rule as Rule
from anchorhold.sandbox.profile import SandboxProfile as SandboxProfile

PR_SET_DUMPABLE = 4
PR_SET_NAME = 15
PR_SET_NO_NEW_PRIVS = 38
"""prctl(2)."""

CAPABILITY_VERSION_3 = 0x20080522
"""capset(2): two 32-bit words for each of the effective, permitted and inheritable sets."""

USER_VARIABLE = "ANCHORHOLD_USER"
DEFAULT_USER = "nobody"

LAZY = (
    "encodings.idna",  # ssl, at the first server_hostname
    "encodings.ascii",
    "encodings.latin_1",
    "encodings.punycode",  # encodings.idna
    "encodings.unicode_escape",
    "stringprep",  # encodings.idna
    "linecache",  # tracebacks
    "tokenize",
    "traceback",
)
"""What the standard library imports at first use; a cell cannot read its own code any more once it has changed user."""


CRYPTOGRAPHY = ("cryptography.hazmat.backends.openssl.backend", "cryptography.hazmat.primitives.serialization.ssh")
"""The same for who reads keys and certificates."""


class SandboxRefused(Exception):
    """The process could not give up its rights; it must end, not serve."""


def preload(*further: str) -> None:
    """Import what would be imported lazily: `LAZY`, and `further` module names of the caller's. Call before `enter`."""
    for name in (*LAZY, *further):
        importlib.import_module(name)


def configured_user() -> str:
    """Whom cells become: the supervisor puts [service] user into their environment; "nobody" where nobody did."""
    return os.environ.get(USER_VARIABLE) or DEFAULT_USER


def find_user(user: str) -> pwd.struct_passwd:
    """The account `user`. Raises SandboxRefused if there is none, or if it is root."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise SandboxRefused(f"there is no user {user!r}; create it or name another in [service] user") from None
    if entry.pw_uid == 0:
        raise SandboxRefused(f"user {user!r} is root; name another in [service] user")
    return entry


def enter(
    profile: SandboxProfile, shut_in: Callable[[], None] | None = None, settle: Callable[[], None] | None = None
) -> None:
    """Give up every right `profile` does not grant; there is no way back. Raises SandboxRefused, and what the two calls raise.

    `shut_in` is called when everything outside that is needed has been read, and while there still are rights: after it the cell
    may see one folder only. As root: no groups, then the group and user of `profile.user`, no core file and no ptrace by others
    of that user.
    `settle` is called when no right is left, and before the system calls are those of service only: what it takes to begin.
    Always: no capability, and no new privilege by execve.
    """
    root = os.geteuid() == 0
    entry = find_user(profile.user or configured_user()) if root else None
    if shut_in is not None:
        shut_in()
    if entry is not None:
        _become(entry)
    _drop_capabilities()
    _call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if root:
        # After the change of user, which sets the flag anew (prctl(2)).
        _call("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0)
    if settle is not None:
        settle()
    try:
        program = seccomp.assemble(profile.calls, seccomp.here()) if profile.calls else None
        # For ps(1); and who watches system calls sees where service begins.
        _call("prctl", PR_SET_NAME, profile.name.encode()[:15], 0, 0, 0)
        if program is not None:
            seccomp.install(program)
    except (seccomp.FilterRefused, NoSuchCall) as error:
        raise SandboxRefused(str(error)) from None


def _become(entry: pwd.struct_passwd) -> None:
    try:
        os.setgroups([])
        os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
        os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    except OSError as error:
        raise SandboxRefused(f"cannot become {entry.pw_name!r}: {error.strerror}") from None


def _drop_capabilities() -> None:
    """All sets to nothing. A service that binds port 53 by an ambient capability has handed it to every child."""
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    _call("capset", header, bytes(2 * 3 * 4))


def _call(name: str, *arguments: int | bytes) -> None:
    function = getattr(ctypes.CDLL(None, use_errno=True), name)
    if function(*arguments) != 0:
        raise SandboxRefused(f"{name}: {os.strerror(ctypes.get_errno())}")
