"""What a cell gets of the environment of whoever started us."""

from collections.abc import Mapping

from anchorhold.sandbox import SANDBOX_VARIABLE, USER_VARIABLE, Enforcement

KEPT = frozenset(
    {"LANG", "LC_ALL", "LC_CTYPE", "PATH", "HOME", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "LD_LIBRARY_PATH"}
    | {"PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONNOUSERSITE", "PYTHONDONTWRITEBYTECODE", "PYTHONMALLOC"}
    | {
        "PYTHONWARNINGS",
        "PYTHONFAULTHANDLER",
        "ANCHORHOLD_LOOP",
        "ANCHORHOLD_COMPILED",
        "ANCHORHOLD_HTTP2",
        "ANCHORHOLD_QUIC",
        "MALLOC_ARENA_MAX",
    }
)
"""What of the environment a cell gets; the rest may hold secrets of whoever started us."""


def cell_environment(
    environment: Mapping[str, str], user: str, sandbox: Enforcement = Enforcement.REQUIRED
) -> dict[str, str]:
    """The environment of a cell that is to become `user`."""
    kept = {name: value for name, value in environment.items() if name in KEPT}
    said = {SANDBOX_VARIABLE: sandbox.value} if sandbox is not Enforcement.REQUIRED else {}
    return {**kept, USER_VARIABLE: user, **said}
