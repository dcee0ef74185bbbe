"""The tables about names to one `Policy`: each kind of table has a reader of its own."""

from anchorhold.config.iterations import IterationReader
from anchorhold.config.list_sources import read_uses
from anchorhold.config.local import LocalReader
from anchorhold.config.notes import Notes
from anchorhold.config.places import Places
from anchorhold.config.protect import protected_names
from anchorhold.config.rules import RuleReader
from anchorhold.config.schema import ConfigFile
from resolver.policy_settings import Policy
from resolver.settings import UpstreamGroup


def read_policy(
    config: ConfigFile,
    notes: Notes,
    places: Places,
    clients: tuple[str, ...],
    upstreams: tuple[UpstreamGroup, ...],
    iterations: IterationReader,
) -> Policy:
    """What one configuration wants of names; what is wrong goes to `notes`."""
    rules = RuleReader(config, notes, places, clients, upstreams, iterations)
    local = LocalReader(config, notes, places, clients)
    return Policy(
        rules=rules.rules(),
        schedules=rules.schedules(),
        lists=read_uses(config, notes, clients),
        local=local.zones(),
        rebinding=local.rebinding(),
        protected=protected_names(config, notes, upstreams),
    )
