"""Tests read the plain modules, which are the reference, unless ANCHORHOLD_COMPILED says otherwise; the services that they start
run as they would for anybody: compiled where that is built. `tests/differential` holds the two forms against each other."""

import os

VARIABLE = "ANCHORHOLD_COMPILED"

if VARIABLE in os.environ:
    import anchorhold

    if anchorhold.compiled.FORM.refused:
        raise SystemExit(anchorhold.compiled.FORM.why)
else:
    os.environ[VARIABLE] = "pure"
    import anchorhold  # the form is chosen when it is imported

    del os.environ[VARIABLE]
