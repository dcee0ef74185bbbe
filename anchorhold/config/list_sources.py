"""`[lists.NAME]`: where a list comes from (for the lists cell), and what it is used for (for the resolver)."""

from anchorhold.config.notes import Notes
from anchorhold.config.places import Places
from anchorhold.config.rules import RuleReader
from anchorhold.config.schema import ConfigFile
from anchorhold.lists.settings import ListsSettings
from resolver.policy_settings import ListUse


def read_sources(
    config: ConfigFile, notes: Notes, places: Places, generation: int, protected: tuple[bytes, ...]
) -> ListsSettings | None:
    """Where the lists come from; None without any. What is wrong goes to `notes`."""
    return None


def read_uses(config: ConfigFile, rules: RuleReader) -> tuple[ListUse, ...]:
    """What they are used for."""
    return ()
