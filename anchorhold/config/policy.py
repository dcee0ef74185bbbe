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


class PolicyReader:
    """Reads what one configuration wants of names; says what is wrong through `notes`."""

    def __init__(
        self,
        config: ConfigFile,
        notes: Notes,
        places: Places,
        clients: tuple[str, ...],
        upstreams: tuple[UpstreamGroup, ...],
        iterations: IterationReader,
    ) -> None:
        self._config = config
        self._notes = notes
        self._clients = clients
        self._upstreams = upstreams
        self._rules = RuleReader(config, notes, places, clients, upstreams, iterations)
        self._local = LocalReader(config, notes, places, clients)

    def policy(self) -> Policy:
        """All of it."""
        return Policy(
            rules=self._rules.rules(),
            schedules=self._rules.schedules(),
            lists=read_uses(self._config, self._notes, self._clients),
            local=self._local.zones(),
            rebinding=self._local.rebinding(),
            protected=protected_names(self._config, self._notes, self._upstreams),
        )
