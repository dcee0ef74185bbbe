"""`[[local]]`, `[hosts]` and `[rebinding]`."""

from anchorhold.config.notes import Notes
from anchorhold.config.places import Places
from anchorhold.config.schema import ConfigFile
from resolver.policy_settings import LocalZone, Rebinding


class LocalReader:
    """Reads the local names of one configuration; says what is wrong through `notes`."""

    def __init__(self, config: ConfigFile, notes: Notes, places: Places, clients: tuple[str, ...]) -> None:
        self._config = config
        self._notes = notes
        self._places = places
        self._clients = clients

    def zones(self) -> tuple[LocalZone, ...]:
        """Every zone, that of the hosts files and the reverse ones included."""
        return ()

    def rebinding(self) -> Rebinding:
        """What is taken out of answers."""
        return Rebinding(protect=False)
