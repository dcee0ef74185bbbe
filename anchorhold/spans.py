"""Time spans as operators write and read them."""

import re

SPAN = re.compile(r"(\d{1,7})([smhd])", re.ASCII)
SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def read_span(text: str, longest: int) -> int:
    """Seconds of a time span such as `10m`. Raises ValueError."""
    found = SPAN.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{text!r} is no time span: a number of seconds, minutes, hours or days, such as 30s, 10m, 2h or 1d"
        )
    seconds = int(found[1]) * SECONDS[found[2]]
    if not 0 < seconds <= longest:
        raise ValueError(f"{text}: at most {longest // 3_600}h, and not nothing")
    return seconds
