"""How aiohttp's server tells what it could not read."""

from __future__ import annotations

import logging

from aiohttp.http import HttpProcessingError


class _OneLine(logging.Filter):
    """aiohttp tells what is no HTTP with a stack; a port scan must not fill the journal with it. A defect of ours keeps
    its own."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, HttpProcessingError):
            return True
        record.exc_info = record.exc_text = None
        if error is not None:
            record.msg, record.args = "a request could not be read: %s", (type(error).__name__,)
        record.levelno, record.levelname = logging.INFO, "INFO"
        return True


def one_line_logger() -> logging.Logger:
    """The logger of every listener."""
    logger = logging.getLogger("api.http")
    if not any(isinstance(known, _OneLine) for known in logger.filters):
        logger.addFilter(_OneLine())
    return logger
