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
    refused: int = 0
    """How many system calls the filter takes away, if it is one of that kind: the supervisor's."""
    capabilities: tuple[str, ...] = ()

    @property
    def in_force(self) -> tuple[str, ...]:
        """Few words each."""
        return (
            f"user {self.user}",
            self._filter,
            f"Landlock {self.landlock}" if self.landlock else "no Landlock",
            f"own {', '.join(self.namespaces)}" if self.namespaces else "no namespace of its own",
            f"limits {', '.join(self.limits) or 'none'}",
            f"capabilities {' '.join(self.capabilities) or 'none'}",
        )

    @property
    def words(self) -> str:
        """For the log: what is missing, if anything is, and what is in force."""
        if not self.missing:
            return f"is shut in: {', '.join(self.in_force)}"
        return f"is shut in less than it should be; missing: {'; '.join(self.missing)}; in force: {', '.join(self.in_force)}"

    @property
    def _filter(self) -> str:
        if self.refused:
            return f"all system calls but {self.refused}"
        return f"{self.calls} system calls" if self.calls else "any system call"
