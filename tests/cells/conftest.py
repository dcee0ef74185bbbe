"""What most tests of whole services begin with."""

from pathlib import Path

import pytest
from kit.service import config_text


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The file of a service that listens somewhere and has an upstream that does not answer."""
    path = tmp_path / "anchorhold.toml"
    path.write_text(config_text(tmp_path))
    return path
