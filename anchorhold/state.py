"""The state directory: what must outlive a run. The key that spreads sites over operators, the keeper's folder, the
leases, the lists."""

import os
import stat
from pathlib import Path

from anchorhold.forking import fork
from anchorhold.secret import LENGTH, seal_copy

KEY_NAME = "spread.key"
FOLDER_NAME = "keeper"
LEASES_NAME = "leases"
LISTS_NAME = "lists"


class StateRefused(Exception):
    """The state directory or a file in it cannot be used; the text says why and what to do."""


def open_state(directory: Path) -> None:
    """Make the directory (0700) if it is not there. Raises StateRefused if others may write into it."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = directory.stat()
    except OSError as error:
        raise StateRefused(f"state directory {directory}: {error.strerror}; name another in [service] state") from None
    if found.st_uid not in (0, os.geteuid()):
        raise StateRefused(f"state directory {directory} belongs to somebody else; chown it or name another")
    if found.st_mode & 0o022:
        raise StateRefused(f"others may write into the state directory {directory}; chmod 700 {directory}")


def open_folder(directory: Path, owner: tuple[int, int] | None, name: str = FOLDER_NAME) -> int:
    """A descriptor of a cell's folder in `directory`, made (0700) if it is not there; the caller closes it. `owner` (uid, gid) is
    given it, for whom the cell becomes, and with it what a former owner left there; None: it stays ours. Raises StateRefused."""
    path = directory / name
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise StateRefused(f"{path}: {error.strerror}; correct its owner and permissions") from None
    try:
        found = os.fstat(descriptor)
        if owner is not None and (found.st_uid, found.st_gid) != owner:
            # The files first: whoever is interrupted finds the folder where it was.
            _give_files(descriptor, found.st_uid, owner)
            os.fchown(descriptor, *owner)
        if found.st_mode & 0o077:
            os.fchmod(descriptor, 0o700)
    except OSError as error:
        os.close(descriptor)
        raise StateRefused(f"{path} is somebody else's ({error.strerror}); chown it") from None
    return descriptor


def _give_files(folder: int, former: int, owner: tuple[int, int]) -> None:
    """What the `former` owner kept in its folder is for the new one to go on with: accounts were made since, or another was
    named. Only files of the former owner that have one name: no link there leads to what is another's. Raises OSError."""
    for name in os.listdir(folder):
        try:
            file = os.open(
                name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY, dir_fd=folder
            )
        except OSError:
            # A link, or a socket.
            continue
        try:
            found = os.fstat(file)
            if stat.S_ISREG(found.st_mode) and found.st_uid == former and found.st_nlink == 1:
                os.fchown(file, *owner)
        finally:
            os.close(file)


def spread_key(directory: Path) -> int:
    """A descriptor of a sealed memfd with the key in `directory`, made from the system's random source if there is none yet; the
    caller closes it. Nothing of it comes into our memory. Raises StateRefused.

    A key that others may read shows them which operator sees which site; then it is refused, not repaired, so that its
    owner can decide whether to rotate it.
    """
    path = directory / KEY_NAME
    try:
        if not path.exists() and (code := fork("key", lambda: _create_key(path)).wait()):
            raise OSError(code, os.strerror(code) if code > 0 else "no key could be made")
        return _seal_key(path)
    except OSError as error:
        raise StateRefused(f"{path}: {error.strerror}; correct its owner and permissions") from None


def _create_key(path: Path) -> int:
    """Whole or not at all: written under another name, then linked if the name is still free. Gives 0, or the number of what went
    wrong: it is the life of a process of its own."""
    try:
        _write_key(path)
    except OSError as error:
        return error.errno or 1
    return 0


def _write_key(path: Path) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(os.urandom(LENGTH))
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink(missing_ok=True)


def _seal_key(path: Path) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid not in (0, os.geteuid()):
            raise StateRefused(f"{path} is no file of ours; remove it or name another directory in [service] state")
        if found.st_mode & 0o077:
            raise StateRefused(f"{path} can be read by others; chmod 600 {path} (and consider: anchorhold key rotate)")
        if found.st_size != LENGTH:
            raise StateRefused(
                f"{path} is {found.st_size} octets long, not {LENGTH}; write a new one: anchorhold key rotate"
            )
        return seal_copy(descriptor, LENGTH)
    finally:
        os.close(descriptor)
