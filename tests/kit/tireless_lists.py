"""The lists cell as it is, only that it does not rest: it is there to be ended for as long as a test lasts."""

from anchorhold.cells import lists

lists.REST_AFTER = 1e6
PROFILE, LAZY, SETTINGS, run = lists.PROFILE, lists.LAZY, lists.SETTINGS, lists.run
