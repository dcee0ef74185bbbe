"""More open files than a shell usually gives an ordinary user."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def all_descriptors() -> Iterator[None]:
    """This process, and what it starts meanwhile, may open as many as the user may allow it (the hard limit)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
