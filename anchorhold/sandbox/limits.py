"""RLIMITs of a process (getrlimit(2)): what a filter of calls cannot count."""

import os
import resource
import stat

from anchorhold.sandbox.profile import SandboxProfile

FORKING = frozenset({"clone", "clone3", "fork", "vfork"})
WRITING_FILES = frozenset({"memfd_create", "open", "openat", "openat2"})
NEVER = ("CORE", "MEMLOCK", "MSGQUEUE", "RTPRIO", "NICE")
"""What nobody here needs any of. Not everywhere there is each."""


def wanted(profile: SandboxProfile) -> dict[str, int]:
    """The limits that follow from a profile, by the name of RLIMIT_*."""
    made = {rule.call for rule in profile.calls}
    limits = dict.fromkeys(NEVER, 0)
    if profile.descriptors:
        limits["NOFILE"] = profile.descriptors
    if profile.memory:
        limits["DATA"] = profile.memory
    if profile.calls and not profile.threads and not made & FORKING:
        limits["NPROC"] = 0
    if profile.calls and not profile.folder and not made & WRITING_FILES and not _logs_into_file():
        limits["FSIZE"] = 0
    return limits


def apply(limits: dict[str, int]) -> tuple[str, ...]:
    """Put them in force; which are, as "NOFILE 4096". A limit that is lower already stays. Raises OSError."""
    said = []
    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}", None)
        if kind is None:
            continue
        _, most = resource.getrlimit(kind)
        value = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(kind, (value, value))
        said.append(f"{name} {value}")
    return tuple(said)


def _logs_into_file() -> bool:
    """What we say may go into a file; it must be able to grow."""
    for descriptor in (1, 2):
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return True
        except OSError:
            continue
    return False
