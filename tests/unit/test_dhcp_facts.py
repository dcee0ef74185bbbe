"""Every counter of the edge has a text, and every text a counter."""

import ast
from pathlib import Path

from dhcp.edge import rogues
from dhcp.facts import EDGE, WHY

EDGE_FILES = sorted((Path(__file__).parents[2] / "dhcp/edge").glob("*.py"))


def test_every_counter_of_the_edge_has_a_text_and_no_text_has_no_counter() -> None:
    found = {rogues.OTHER_SERVER4, rogues.OTHER_SERVER6, rogues.OTHER_ROUTER}
    for path in EDGE_FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("counters"):
                found |= {
                    inner.value
                    for inner in ast.walk(node.slice)
                    if isinstance(inner, ast.Constant) and inner.value != "BOOTP"
                }
    assert set(EDGE) == found - set(WHY)
