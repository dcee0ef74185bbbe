"""The one place where a process gives up its rights, after all imports and before the first byte from outside.

What a process keeps is its profile (`anchorhold/sandbox/profile.py`); what is really in force then, on this kernel and for this
user, is its `Standing`.
"""

import contextlib
import importlib
import os
import pwd
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from anchorhold import leash
from anchorhold.sandbox import landlock, limits, namespaces, pages, rights, seccomp, supervising
from anchorhold.sandbox.clock import calls_for_time
from anchorhold.sandbox.library import calls_for_library, library
from anchorhold.sandbox.numbers import NoSuchCall
from anchorhold.sandbox.profile import Enforcement as Enforcement
from anchorhold.sandbox.profile import Network as Network
from anchorhold.sandbox.profile import Rule as Rule
from anchorhold.sandbox.profile import SandboxProfile as SandboxProfile
from anchorhold.sandbox.standing import Standing as Standing

USER_VARIABLE = "ANCHORHOLD_USER"
DEFAULT_USER = "nobody"

SANDBOX_VARIABLE = "ANCHORHOLD_SANDBOX"
"""What [service] sandbox says, in the environment of cells."""
_WAY_OUT = f'[service] sandbox = "{Enforcement.BEST_EFFORT.value}" serves with what there is'

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

_in_force: list[Standing] = []
"""This process's, once it is sealed."""


class SandboxRefused(Exception):
    """The process could not give up its rights; it must end, not serve."""


def preload(*further: str) -> None:
    """Import what would be imported lazily: `LAZY`, and `further` module names of the caller's. Call before `enter`."""
    for name in (*LAZY, *further):
        # To ask is less than to import again, in each copy of a process that has.
        if name not in sys.modules:
            importlib.import_module(name)


def configured_user() -> str:
    """Whom cells become: the supervisor puts [service] user into their environment; "nobody" where nobody did."""
    return os.environ.get(USER_VARIABLE) or DEFAULT_USER


def is_best_effort() -> bool:
    """Whether to serve even where a process cannot be shut in."""
    return os.environ.get(SANDBOX_VARIABLE) == Enforcement.BEST_EFFORT.value


def standing() -> Standing | None:
    """What is in force for this process; None before `enter`."""
    return _in_force[-1] if _in_force else None


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
    profile: SandboxProfile,
    shut_in: Callable[[], None] | None = None,
    settle: Callable[[], None] | None = None,
    folder: int = -1,
) -> Standing:
    """Give up every right `profile` does not grant; there is no way back. What is in force then; `standing` tells it again.

    `shut_in` is called when everything outside that is needed has been read, while there still are rights. `folder` is the
    descriptor of the folder of a profile that has one; from here on it leads to the same folder and to nothing above it.
    `settle` is called when no right is left, and before the system calls are those of service only: what it takes to begin. Only
    then may threads be started. Without a folder, the working directory is /proc/self/fd while it runs: descriptors have paths.

    In this order: namespaces; as root the group and user of `profile.user`, no other group, no core file and no ptrace by others
    of that user; no capability, and no new privilege by execve; Landlock; `settle`; RLIMITs; the filter of system calls.
    Raises SandboxRefused, and what the two calls raise.
    """
    table = _table_of(profile)
    root = os.geteuid() == 0
    entry = find_user(profile.user or configured_user()) if root else None
    missing: list[str] = []
    if shut_in is not None:
        shut_in()
    paths = _open_paths() if settle is not None and folder < 0 else -1
    spaces = _separate(profile, folder, missing)
    if entry is not None:
        _become(entry)
    _needed("capabilities", lambda: rights.keep_capabilities(0), missing)
    _needed("no_new_privs", rights.no_new_privileges, missing)
    if root:
        _needed("ptrace", rights.undumpable, missing)
    version = _restrict(profile, folder, missing)
    if settle is not None:
        _settle(settle, paths)
    user = entry.pw_name if entry is not None else _own_name()
    return _seal(
        profile, table, Standing(profile.name, user, landlock=version, namespaces=spaces, missing=tuple(missing))
    )


def completed(profile: SandboxProfile) -> SandboxProfile:
    """With what this machine's clock and C library take besides, while files can be read that tell."""
    if not profile.calls:
        return profile
    return replace(profile, calls=profile.calls + calls_for_time() + calls_for_library(profile.calls, library()))


def if_filtered(profile: SandboxProfile) -> SandboxProfile:
    """Without its table where there is no filter to be had: for who reads the configuration, which says whether there must be."""
    try:
        seccomp.require()
    except seccomp.FilterRefused:
        return replace(profile, calls=())
    return profile


def _seal(profile: SandboxProfile, table: "_Table", standing: Standing) -> Standing:
    """The last of what `enter` does: RLIMITs and the filter."""
    missing = list(standing.missing)
    # To begin takes pages of libraries that are not used again: a certificate is read once.
    pages.let_go()
    limited = limits.apply(limits.wanted(replace(profile, calls=table.rules)))
    # Who watches system calls sees where service begins.
    _needed("name", lambda: rights.be_called(profile.name), missing)
    if table.missing:
        missing.append(table.missing)
    calls = len({rule.call for rule in table.rules}) if table.program is not None else 0
    _in_force[:] = [replace(standing, calls=calls, limits=limited, missing=tuple(missing))]
    if table.program is not None:
        _install(table.program)
    return _in_force[-1]


def restrain(executes: bool, enforcement: Enforcement = Enforcement.REQUIRED) -> Standing:
    """For the supervisor, before its first cell: keep what opening sockets takes, and what cells need until they are sealed.

    All else is given up, also by all that it forks. `executes`: programs may be started. Raises SandboxRefused where no cell
    could be shut in as `enforcement` wants.
    """
    if enforcement is Enforcement.REQUIRED:
        try:
            seccomp.require()
        except seccomp.FilterRefused as error:
            raise SandboxRefused(f"{error}; {_WAY_OUT}") from None
    _in_force[:] = [supervising.restrain(_own_name(), executes)]
    return _in_force[-1]


def _needed(what: str, step: Callable[[], object], missing: list[str]) -> None:
    """Do it; if it cannot be done the process ends, unless the configuration says otherwise."""
    try:
        step()
    except OSError as error:
        # Whoever reads the configuration does not know yet what it says; where there is no seccomp, cells will.
        if not is_best_effort() and os.uname().sysname == "Linux":
            raise SandboxRefused(f"{what}: {error.strerror}; {_WAY_OUT}") from None
        missing.append(f"{what} ({error.strerror})")


def _become(entry: pwd.struct_passwd) -> None:
    try:
        rights.become(entry)
        leash.own()
    except OSError as error:
        raise SandboxRefused(f"cannot become {entry.pw_name!r}: {error.strerror}") from None


def _own_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _separate(profile: SandboxProfile, folder: int, missing: list[str]) -> tuple[str, ...]:
    if not profile.apart:
        return ()
    _require_one_thread()
    try:
        return namespaces.separate(profile.network is Network.NONE, folder)
    except namespaces.Refused as error:
        missing.append(f"namespaces ({error})")
    if folder >= 0 and os.geteuid() == 0:
        _go_into(folder)
    return ()


def _go_into(folder: int) -> None:
    """The way to the folder leads through others that only root may search, and SQLite knows files by path."""
    try:
        os.fchdir(folder)
        os.chroot(".")
    except OSError as error:
        raise SandboxRefused(f"cannot go into the folder for good: {error.strerror}") from None


def _require_one_thread() -> None:
    """What is given up by one thread the others would still have."""
    with contextlib.suppress(FileNotFoundError):
        count = len(os.listdir("/proc/self/task"))
        if count != 1:
            raise SandboxRefused(f"there are {count} threads already")


def _restrict(profile: SandboxProfile, folder: int, missing: list[str]) -> int:
    """Landlock; its version."""
    if not profile.apart:
        return 0
    connect = () if profile.network is Network.NONE else profile.connect
    try:
        version = landlock.restrict(landlock.Wanted(folder, connect))
    except OSError as error:
        missing.append(f"Landlock ({error.strerror})")
        return 0
    missing += landlock.lacking(version)
    return version


def _open_paths() -> int:
    """The folder in which a process's descriptors are files; -1 where there is none."""
    with contextlib.suppress(OSError):
        return os.open("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return -1


def _settle(settle: Callable[[], None], paths: int) -> None:
    if paths < 0:
        settle()
        return
    os.fchdir(paths)
    try:
        settle()
    finally:
        os.chdir("/")
        os.close(paths)


class _Table(NamedTuple):
    """What a table of system calls comes to on this machine: its rules with what the clock and the C library take besides, and
    the filter; None without rules, or where there is none and need be none: then `missing` says why."""

    rules: tuple[Rule, ...]
    program: seccomp.Packed | None = None
    missing: str = ""


_tables: dict[tuple[Rule, ...], _Table] = {}
"""Those that are made, by the rules of profiles."""


def make_ready(profile: SandboxProfile) -> None:
    """Make its filter now: it is the same in every process, and to make it touches much memory. Where it cannot be made `enter`
    says so."""
    with contextlib.suppress(SandboxRefused):
        _tables[profile.calls] = _make_table(profile)


def _table_of(profile: SandboxProfile) -> _Table:
    """Raises SandboxRefused."""
    return _tables.get(profile.calls) or _make_table(profile)


def _make_table(profile: SandboxProfile) -> _Table:
    rules = completed(profile).calls
    if not rules:
        return _Table(rules)
    try:
        architecture = seccomp.here()
        seccomp.require()
        return _Table(rules, seccomp.pack(seccomp.assemble(rules, architecture)))
    except NoSuchCall as error:
        raise SandboxRefused(f"profile {profile.name}: {error}") from None
    except seccomp.FilterRefused as error:
        if not is_best_effort():
            raise SandboxRefused(f"{error}; {_WAY_OUT}") from None
        return _Table(rules, missing=f"a filter of system calls ({error})")


def _install(program: seccomp.Packed) -> None:
    try:
        seccomp.install(program)
    except seccomp.FilterRefused as error:
        raise SandboxRefused(str(error)) from None
