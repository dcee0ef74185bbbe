"""What is told of a mistake where Python would print it by itself."""

import subprocess
import sys

import pytest

from anchorhold.mistakes import place_of

RAISES = """
from anchorhold.facts import divert
from anchorhold.mistakes import log_mistakes

class Final:
    def __del__(self):
        raise ValueError("a stranger's word")

def no_memory(line):
    raise MemoryError

log_mistakes("cell")
divert({to})
Final()
"""


@pytest.mark.parametrize(
    ("to", "told"), [("None", "cell: a mistake of ours: ValueError at <string>:7 __del__\n"), ("no_memory", "")]
)
def test_what_can_be_raised_nowhere_is_logged_or_at_least_not_printed(to: str, told: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RAISES.replace("{to}", to)], capture_output=True, text=True, timeout=60
    )
    assert (0, "", told) == (done.returncode, done.stdout, done.stderr)


def test_a_function_is_told_by_its_own_name_alone() -> None:
    """What is compiled puts its module and class before it."""

    def divide() -> float:
        return 1 / 0

    divide.__code__ = divide.__code__.replace(
        co_name="resolver.edge.listen.batch.Batch.drain", co_filename="x/batch.pyx"
    )
    with pytest.raises(ZeroDivisionError) as raised:
        divide()
    assert place_of(raised.value).startswith(
        f"ZeroDivisionError at batch.pyx:{divide.__code__.co_firstlineno + 1} drain < "
    )
