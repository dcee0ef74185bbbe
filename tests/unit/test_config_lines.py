import pytest

from anchorhold.config.lines import line_index, line_of

TEXT = '''\
# a comment with = and [brackets]
top = 1
[listen]
addresses = [
    "127.0.0.1:53", # "not this"
    "[::1]:53",
]
"quoted key" = 'a # b'
dotted.key = true

[[route]]
domains = ["a"]
[[route]]
domains = ["""
x = 1
""", "b"]
[upstreams.default]
servers = [
    { url = "tls://a", pins = [
        "one",
        "two" ] },
]
text = "an \\" escape"
after = 1
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("listen",), 3),
        (("listen", "addresses"), 4),
        (("listen", "addresses", 0), 5),
        (("listen", "addresses", 1), 6),
        (("listen", "quoted key"), 8),
        (("listen", "dotted", "key"), 9),
        (("route", 0), 11),
        (("route", 0, "domains", 0), 12),
        (("route", 1, "domains"), 14),
        (("route", 1, "domains", 1), 16),
        (("upstreams",), 17),
        (("upstreams", "default", "servers", 0, "url"), 19),
        (("upstreams", "default", "servers", 0, "pins", 1), 21),
        (("upstreams", "default", "text"), 23),
        (("upstreams", "default", "after"), 24),
    ],
)
def test_a_path_is_found_on_its_line(path: tuple[str | int, ...], line: int) -> None:
    assert line_index(TEXT)[path] == line


def test_a_path_that_is_not_there_has_the_line_of_what_would_hold_it() -> None:
    index = line_index(TEXT)
    assert line_of(index, ("listen", "control")) == 3
    assert line_of(index, ("nothing", "here")) == 0


def test_a_table_inside_an_array_of_tables_belongs_to_its_last_element() -> None:
    index = line_index("[[a]]\nx = 1\n[[a]]\n[a.b]\ny = 2\n[[a.c]]\nz = 3\n")
    assert (index["a", 1, "b", "y"], index["a", 1, "c", 0, "z"]) == (5, 7)


@pytest.mark.parametrize("text", ["a = '''x''''\nb = 1", "a = 1\r\nb = 1\r\n", "a = { b = 1, c = [] }\nb = 2"])
def test_quotes_at_the_end_line_ends_and_inline_tables_are_stepped_over(text: str) -> None:
    assert line_index(text)[("b",)] == 2
