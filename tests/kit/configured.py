"""The smallest configuration and what is added to it, as the loader reads it."""

import pytest

from anchorhold.config.errors import SettingsError
from anchorhold.config.load import load
from anchorhold.config.service import Loaded

MINIMAL = """\
[listen]
addresses = ["127.0.0.1:5300"]
[upstreams.default]
servers = ["tls://dns.example@192.0.2.1"]
"""


def refused(text: str) -> list[str]:
    """All complaints about `text`."""
    with pytest.raises(SettingsError) as caught:
        load(text, "a.toml")
    return str(caught.value).splitlines()


def loaded(extra: str) -> Loaded:
    """MINIMAL and `extra`, read."""
    return load(MINIMAL + extra, "a.toml")


def complaint(extra: str) -> str:
    """The one complaint about MINIMAL and `extra`."""
    lines = refused(MINIMAL + extra)
    assert len(lines) == 1, lines
    return lines[0]
