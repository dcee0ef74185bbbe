"""`[[rule]]` and `[schedules.NAME]`."""

from anchorhold.config.notes import Notes
from anchorhold.config.places import Places
from anchorhold.config.schema import ConfigFile
from resolver.policy_settings import Rule, Schedule
from resolver.settings import UpstreamGroup


class RuleReader:
    """Reads the rules of one configuration; says what is wrong through `notes`."""

    def __init__(
        self,
        config: ConfigFile,
        notes: Notes,
        places: Places,
        clients: tuple[str, ...],
        upstreams: tuple[UpstreamGroup, ...],
    ) -> None:
        self._config = config
        self._notes = notes
        self._places = places
        self._clients = clients
        self._upstreams = upstreams

    def rules(self) -> tuple[Rule, ...]:
        """Every rule, in the order in which they count."""
        return ()

    def schedules(self) -> tuple[Schedule, ...]:
        """Every schedule, in the order of the file: rules and lists name them by place."""
        return ()
