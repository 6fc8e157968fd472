"""Exit codes: closed, documented in docs/cli.md, and which error ends with which."""

from __future__ import annotations

from enum import IntEnum

from gateway.model.errors import (
    ConfigurationError,
    Conflict,
    DeadlineMissed,
    GatewayError,
    InputRefused,
    LedgerError,
    NotFound,
    NotReady,
)


class Exit(IntEnum):
    """What a script can rely on."""

    DONE = 0
    FAILED = 1
    """The action was tried and failed, or a check failed."""
    USAGE = 2
    """The command line is wrong (click's own code)."""
    UNREACHABLE = 3
    """The daemon does not run or does not answer."""
    NOT_FOUND = 4
    REFUSED = 5
    """Refused, or not allowed."""
    NOT_READY = 6
    """A device is not ready."""
    TIMED_OUT = 7
    WARNINGS = 8
    """Valid, with warnings."""
    BAD_FILE = 9
    """A file that was given (configuration, rules, receipt) is not valid."""
    INTERRUPTED = 130
    """Ctrl-C (128 + SIGINT, as shells have it)."""


class Unreachable(GatewayError):
    """The daemon does not run or does not answer on its socket."""

    code = "daemon_unreachable"


class NotAllowed(GatewayError):
    """This user may not do this."""

    code = "not_allowed"


class BadFile(GatewayError):
    """A file that was given on the command line does not hold what it should."""

    code = "bad_file"


_TABLE: tuple[tuple[type[GatewayError], Exit], ...] = (
    (ConfigurationError, Exit.BAD_FILE),
    (BadFile, Exit.BAD_FILE),
    (Unreachable, Exit.UNREACHABLE),
    (NotAllowed, Exit.REFUSED),
    (InputRefused, Exit.REFUSED),
    (Conflict, Exit.REFUSED),
    (NotFound, Exit.NOT_FOUND),
    (NotReady, Exit.NOT_READY),
    (DeadlineMissed, Exit.TIMED_OUT),
    (LedgerError, Exit.FAILED),
)


def exit_of(error: GatewayError) -> Exit:
    """The exit code of an error; `FAILED` for one that has none of its own."""
    return next((code for kind, code in _TABLE if isinstance(error, kind)), Exit.FAILED)
