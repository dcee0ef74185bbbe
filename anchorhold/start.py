"""How the service starts: the loader reads the configuration while the supervisor imports what its cells need. Exit codes of
`run`: 0 stopped, 2 a wrong configuration, 3 cannot start.
"""

import os
from pathlib import Path

from anchorhold import compiled, facts, sandbox, zygote
from anchorhold.cell_environment import cell_environment
from anchorhold.config.request import LoaderRun, Refused
from anchorhold.outlet import LOG, TOLD

NAME = "supervisor"
LAST_STANDARD = 2
"""Standard error's descriptor."""


def run(config: Path) -> int:
    """Serve by the configuration file `config` until a signal says stop. Gives the exit code."""
    hold_standard_descriptors()
    if compiled.FORM.refused:
        facts.log(NAME, compiled.FORM.why)
        return 3
    zygote.begin()
    try:
        loading = LoaderRun(config, 1, cell_environment(os.environ, ""))
    except OSError as error:
        facts.log(NAME, f"{config}: {error.strerror}; another path: --config FILE, a new one: anchorhold init")
        return 2
    # Here, not above: the loader takes longer than all of this, and needs none of it.
    from net import h2_codecs, quic_codecs

    for refused in (h2_codecs.REFUSED, quic_codecs.REFUSED):
        if refused:
            loading.give_up()
            facts.log(NAME, refused)
            return 3
    from anchorhold.supervisor import CannotStart, Supervisor, first_modules

    zygote.warm(*first_modules())
    outcome = loading.wait()
    if isinstance(outcome, Refused):
        facts.log_lines(NAME, outcome.text)
        return 2
    try:
        supervisor = Supervisor(config, outcome)
        standing = sandbox.restrain(outcome.service.executes, outcome.service.sandbox)
    except CannotStart as error:
        facts.log(NAME, str(error))
        return 3
    TOLD.open()
    facts.divert(LOG.open().write)
    facts.log(NAME, standing.words)
    return supervisor.serve()


def hold_standard_descriptors() -> None:
    """Nothing that is opened later may be taken for standard error, if whoever started us closed it: the log would go there."""
    while (opened := os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)) <= LAST_STANDARD:
        pass
    os.close(opened)
