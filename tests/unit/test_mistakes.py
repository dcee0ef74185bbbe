"""What is told of a mistake where Python would print it by itself."""

import subprocess
import sys

import pytest

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
