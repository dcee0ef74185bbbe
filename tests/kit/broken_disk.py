"""A disk that fails at its n-th call: `os`, as the modules that write files use it."""

import errno
import os
from collections.abc import Callable
from typing import Any

CALLS = ("open", "write", "fsync", "fdatasync", "pwrite", "replace", "rename", "unlink", "fchmod")


class BrokenDisk:
    """Stands in the place of `os`. The call number `at` of those in CALLS, and all behind it, fail with `error`; 0: none does."""

    def __init__(self, error: int = errno.ENOSPC, at: int = 0) -> None:
        self.error = error
        self.at = at
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        return self._failing(real) if name in CALLS else real

    def _failing(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*what: Any, **how: Any) -> Any:
            self.calls += 1
            if self.at and self.calls >= self.at:
                raise OSError(self.error, os.strerror(self.error))
            return real(*what, **how)

        return call

    def mend(self) -> None:
        """All works again."""
        self.at = 0
