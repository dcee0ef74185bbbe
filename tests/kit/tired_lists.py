"""The lists cell as it is, only that it rests sooner."""

from anchorhold.cells import lists

lists.REST_AFTER = 1.5
PROFILE, LAZY, SETTINGS, run = lists.PROFILE, lists.LAZY, lists.SETTINGS, lists.run
