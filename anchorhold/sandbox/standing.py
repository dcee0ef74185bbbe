"""What is in force for a process, and what is missing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Standing:
    """After `enter`."""

    name: str
    user: str
    """Who it is."""
    calls: int = 0
    """How many system calls the filter leaves; 0: there is no filter."""
    landlock: int = 0
    """The version of Landlock; 0: there is none."""
    namespaces: tuple[str, ...] = ()
    """Of its own."""
    limits: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """What was wanted and cannot be had here."""

    @property
    def in_force(self) -> str:
        """One line."""
        parts = [
            f"user {self.user}",
            f"{self.calls} system calls" if self.calls else "every system call",
            f"Landlock {self.landlock or 'none'}",
            f"namespaces {' '.join(self.namespaces) or 'none'}",
            f"limits {', '.join(self.limits) or 'none'}",
        ]
        return "; ".join(parts)

    @property
    def lacks(self) -> str:
        """One line; empty if nothing is missing."""
        return "; ".join(self.missing)
