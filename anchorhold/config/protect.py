"""What no list may block: `[protect]`, the upstreams, the hosts of the lists, the names by which devices find out whether they
are online."""

from anchorhold.config.notes import Notes
from anchorhold.config.schema import ConfigFile
from resolver.settings import UpstreamGroup


def protected_names(config: ConfigFile, notes: Notes, upstreams: tuple[UpstreamGroup, ...]) -> tuple[bytes, ...]:
    """Folded names; they and what is below them is protected."""
    return ()
