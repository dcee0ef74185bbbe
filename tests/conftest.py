"""Tests read the plain modules, which are the reference, unless ANCHORHOLD_COMPILED says otherwise; the services that they start
run as they would for anybody: compiled where that is built. `tests/differential` holds the two forms against each other.

What Hypothesis makes up is the same in every run and on every machine, however slow that is; what is new is for tests/fuzz."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("same")

VARIABLE = "ANCHORHOLD_COMPILED"

if VARIABLE in os.environ:
    import anchorhold

    if anchorhold.compiled.FORM.refused:
        raise SystemExit(anchorhold.compiled.FORM.why)
else:
    os.environ[VARIABLE] = "pure"
    import anchorhold  # the form is chosen when it is imported

    del os.environ[VARIABLE]
