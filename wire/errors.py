"""The only exception that bytes from the network can raise."""


class Malformed(Exception):
    """What a parser says of bytes that do not follow their format.

    `what` is a short English phrase, `at` the offset in octets at which the parser gave up (-1: the whole).
    """

    def __init__(self, what: str, at: int = -1) -> None:
        super().__init__(f"{what} (at octet {at})" if at >= 0 else what)
        self.what = what
        self.at = at
