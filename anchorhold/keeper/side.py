"""What the resolver cell has of the keeper: what it last said, and the way to it for an operator's wishes."""

from anchorhold.keeper.exceptions import Wanted
from anchorhold.keeper.line import KeeperLine
from anchorhold.keeper.messages import InForce, Told


class KeeperSide:
    """`told` and `in_force` are the keeper's last words; `line` is the pair that is in use, if one is."""

    def __init__(self) -> None:
        self.told: tuple[Told, ...] = ()
        self.in_force = InForce(())
        self.line: KeeperLine | None = None

    async def change_exception(self, wanted: Wanted) -> InForce | None:
        """Done or refused; None if the keeper is not there."""
        return None if self.line is None else await self.line.change_exception(wanted)
