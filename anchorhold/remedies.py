"""What may be wrong, in three clauses for people."""

from enum import Enum


class Remedied(Enum):
    """Of each: what it is, what follows, what to do."""

    _value_: tuple[str, str, str]

    @property
    def what(self) -> str:
        """What it is, or does; a clause."""
        return self.value[0]

    @property
    def means(self) -> str:
        """What follows."""
        return self.value[1]

    @property
    def remedy(self) -> str:
        """What to do."""
        return self.value[2]
