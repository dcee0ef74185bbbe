"""A configuration's text to the settings of every cell, or all that is wrong with it."""

import os
from collections.abc import Callable

from anchorhold.config.check import Checker
from anchorhold.config.errors import Path, Problem, SettingsError
from anchorhold.config.places import Places, read_named_file
from anchorhold.config.service import Loaded
from anchorhold.config.shape import read_shape


def load(
    text: str,
    file: str,
    generation: int = 1,
    read_file: Callable[[str], bytes] = read_named_file,
    host: str = "",
    folder: str = "",
    processors: int = 1,
) -> Loaded:
    """The settings in `text`.

    `file` is its path as the user wrote it: errors are shown with it and relative paths begin at its directory, which is `folder`
    where the working directory is not the user's any more.
    `read_file` gives the content of files it names (raises OSError); `host` is what this machine is called, `processors` on how
    many of its processors the service may run. Raises SettingsError with every problem.
    """
    shaped = read_shape(text)
    if shaped.config is None:
        raise SettingsError(file, shaped.problems)
    checker = Checker(shaped.config, shaped.lines, Places(folder or os.path.dirname(file), read_file, host, processors))
    loaded = checker.loaded(generation)
    found = [
        problem
        for paths, problem in checker.notes.found
        if not any(_is_follow_up(path, shaped.wrong) for path in paths)
    ]
    problems: tuple[Problem, ...] = (*shaped.problems, *found)
    if problems:
        raise SettingsError(file, problems)
    return loaded


def _is_follow_up(path: Path, wrong: tuple[Path, ...]) -> bool:
    """True if `path` encloses, or lies in, a part that was taken out because it was wrong by itself."""
    return any(path[: len(other)] == other[: len(path)] for other in wrong)
