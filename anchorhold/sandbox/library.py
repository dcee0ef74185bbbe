"""Which system calls the C library makes for one and the same function of its own: that differs between versions, and profiles
are measured with Debian 12's (glibc 2.36)."""

import os

from anchorhold.sandbox.profile import Rule, calls

NAME = "CS_GNU_LIBC_VERSION"
BY_EMPTY_PATH = range(33, 39)
"""Minor versions of glibc 2 in which fstat(3) is newfstatat with an empty path; before and after it is fstat."""


def library() -> str:
    """Its name and version, `glibc 2.36`; empty for one that does not tell."""
    try:
        return os.confstr(NAME) or ""
    except (ValueError, OSError):
        return ""


def calls_for_library(rules: tuple[Rule, ...], version: str) -> tuple[Rule, ...]:
    """What is allowed besides `rules` so that they mean the same with the library of this `version`: who may ask about an open
    file by the one call may do so by the other."""
    if all(rule.call != "newfstatat" for rule in rules):
        return ()
    name, _, number = version.partition(" ")
    major, _, minor = number.partition(".")
    known = name == "glibc" and major == "2" and minor.isdecimal() and int(minor) in BY_EMPTY_PATH
    return () if known else calls("fstat")
