"""The one error tree. Every error says what happened, where, and what to do next.

GatewayError
├── ConfigurationError   a wrong configuration: file, line, key, remedy
├── InputRefused         what came in is refused and changed nothing (reading, message, body, bundle)
├── NotFound             the thing named does not exist
├── Conflict             the same key was used for something else, or a re-check in the commit failed
├── NotReady             a device or part is not ready; try again when it is
├── DeadlineMissed       no answer in time; what happened meanwhile is not known
└── LedgerError          the durable record cannot be written or is damaged
"""

from __future__ import annotations


class GatewayError(Exception):
    """Root of all errors that the gateway raises on purpose.

    `code` is stable and documented (docs/errors.md), `advice` says what to do next. `marks`: what to choose by, where
    there is a choice.
    """

    code = "error"
    marks: tuple[str, ...] = ()

    def __init__(self, what: str, advice: str = "", *, where: str = "", code: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.advice = advice
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}. {self.advice}" if self.advice else text


class ConfigurationError(GatewayError):
    code = "bad_configuration"


class InputRefused(GatewayError):
    code = "refused"


class NotFound(GatewayError):
    code = "not_found"


class Conflict(GatewayError):
    code = "conflict"


class NotReady(GatewayError):
    code = "not_ready"


class DeadlineMissed(GatewayError):
    code = "timed_out"


class LedgerError(GatewayError):
    code = "ledger"
