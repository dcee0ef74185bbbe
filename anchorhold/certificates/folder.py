"""The folder `certificates/` in the state directory: what is in it, read with care, and changed so that no power cut hurts.

The key of the leaf outlives the certificates, so a renewal replaces one file, at once. A new key is rare: then the chain goes
first, the key comes second, its chain third. At no time is there a chain beside a key that is not its own; whoever finds no
chain has the next run make one (docs/decisions/0021-certificates.md).
"""

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from anchorhold.certificates.authority import chain_pem, key_pem
from anchorhold.certificates.pair import Pair, Unusable, fits, read_chain, read_key
from anchorhold.certificates.settings import AUTHORITY, AUTHORITY_KEY, CHAIN, FOLDER_NAME, KEY, PROGRESS
from anchorhold.keeper.folder import Folder, Unreadable

T = TypeVar("T")


class CertificatesRefused(Exception):
    """A file of the folder cannot be used; the text says which, why, and what to do. Nothing was changed."""


class CertificateFolder:
    """Files in the directory `descriptor`, which stays open as long as this is used."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._files = Folder(descriptor)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other run changes the folder meanwhile; waits for one that does."""
        # Opened anew: a lock belongs to the opening, and ours may be shared with the process that started us.
        lock = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._descriptor)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    # What is there. All raise CertificatesRefused.

    def pair(self) -> Pair | None:
        """The chain and its key; None if there is no chain, or neither."""
        key, chain = self.key(), self._read(CHAIN, read_chain, "anchorhold certs renew")
        if chain is None:
            return None
        if key is None:
            raise CertificatesRefused(
                f"{_path(CHAIN)} is there and {_path(KEY)} is not; put it back from your backup, or make a new key: "
                "anchorhold certs renew --new-key (pins of the old one no longer hold)"
            )
        pair = Pair(chain, key)
        if not fits(pair):
            raise CertificatesRefused(
                f"{_path(KEY)} is not the key of {_path(CHAIN)}; put the pair back from your backup, or remove the chain "
                "and run: anchorhold certs renew"
            )
        return pair

    def key(self) -> ec.EllipticCurvePrivateKey | None:
        """The leaf's key."""
        return self.secret(KEY, "anchorhold certs renew --new-key")

    def authority(self) -> x509.Certificate | None:
        """The private authority's certificate."""
        chain = self._read(AUTHORITY, read_chain, "anchorhold certs init --replace")
        return None if chain is None else chain[0]

    def authority_key(self) -> ec.EllipticCurvePrivateKey | None:
        """The private authority's key."""
        return self.secret(AUTHORITY_KEY, "anchorhold certs init --replace")

    def secret(self, name: str, otherwise: str) -> ec.EllipticCurvePrivateKey | None:
        """A key of ours by its file's name; `otherwise` is what to do if it is lost."""
        self._require_secret(name)
        key = self._read(name, read_key, otherwise)
        if key is not None and not isinstance(key, ec.EllipticCurvePrivateKey):
            raise CertificatesRefused(f"{_path(name)} is no key of ours (ECDSA); move it away and run: {otherwise}")
        return key

    def progress(self) -> bytes | None:
        """How the last runs ended."""
        return self._data(PROGRESS)

    # Changes. All raise OSError.

    def put_chain(self, pem: bytes) -> None:
        """A new chain for the key that is there."""
        self._files.write(CHAIN, pem)

    def put_pair(self, key: ec.EllipticCurvePrivateKey, pem: bytes) -> None:
        """A new key with its chain."""
        self.remove(CHAIN)
        self._files.write(KEY, key_pem(key))
        self._files.write(CHAIN, pem)

    def put_authority(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        """A new authority. The key is first: a certificate can be made of it again, but no key of a certificate."""
        self.remove(AUTHORITY)
        self._files.write(AUTHORITY_KEY, key_pem(key))
        self._files.write(AUTHORITY, chain_pem([certificate]))

    def put_secret(self, name: str, key: ec.EllipticCurvePrivateKey) -> None:
        """Another key of ours."""
        self._files.write(name, key_pem(key))

    def put_progress(self, data: bytes) -> None:
        """How this run ended."""
        self._files.write(PROGRESS, data)

    @contextmanager
    def lent(self, name: str, data: bytes) -> Iterator[str]:
        """A file for as long as this lasts; its name, for whom the folder is the working directory."""
        self._files.write(name, data)
        try:
            yield name
        finally:
            self.remove(name)

    def remove(self, name: str) -> None:
        """For good, also if the power goes now."""
        try:
            os.unlink(name, dir_fd=self._descriptor)
        except FileNotFoundError:
            return
        os.fdatasync(self._descriptor)

    def _require_secret(self, name: str) -> None:
        try:
            found = os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
        except OSError:
            return
        if stat.S_ISREG(found.st_mode) and found.st_mode & 0o077:
            raise CertificatesRefused(
                f"{_path(name)} can be read by others; chmod 600 it, and if somebody may have, make a new one"
            )

    def _read(self, name: str, read: Callable[[bytes], T], otherwise: str) -> T | None:
        data = self._data(name)
        if data is None:
            return None
        try:
            return read(data)
        except Unusable as error:
            raise CertificatesRefused(
                f"{_path(name)} is damaged: {error}; put it back from your backup, or move it away and run: {otherwise}"
            ) from None

    def _data(self, name: str) -> bytes | None:
        try:
            return self._files.read(name)
        except Unreadable as error:
            raise CertificatesRefused(f"{FOLDER_NAME}/{error}; correct its owner and permissions") from None


def _path(name: str) -> str:
    return f"{FOLDER_NAME}/{name}"
