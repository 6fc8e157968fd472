"""What can go wrong with a camera, and what a person can do about it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import urlsplit

from drivers.contract.core import Problem


class Trouble(StrEnum):
    """Closed list of the driver's problem codes."""

    NOT_INSTALLED = "not_installed"
    NO_ZBAR = "no_zbar"
    NOT_OPENED = "not_opened"
    SILENT = "silent"
    STREAM_ENDED = "stream_ended"
    NO_PICTURE = "no_picture"


TABLE: Mapping[Trouble, tuple[str, str]] = {
    Trouble.NOT_INSTALLED: (
        "{missing} is not installed",
        "Install the gateway with its camera part: smartplace-gateway[camera]",
    ),
    Trouble.NO_ZBAR: (
        "{missing} is not installed, and `decoder` asks for it",
        "Take `decoder` out of the options, or install smartplace-gateway[zbar] and the Debian package libzbar0",
    ),
    Trouble.NOT_OPENED: (
        "{place} could not be opened within {ms} ms",
        "Check power and network cable of the camera, then address, path, user name and password in `source`",
    ),
    Trouble.SILENT: (
        "{place} sent no frame for {ms} ms",
        "The camera hangs or its network is cut: check the cable, switch the camera off and on",
    ),
    Trouble.STREAM_ENDED: (
        "{place} ended its stream or sent something that is not video",
        "If this returns within a minute: update or restart the camera, close other viewers of its stream",
    ),
    Trouble.NO_PICTURE: (
        "{place} sends frames that are no pictures, for {ms} ms",
        "Set the camera to MJPEG or H.264 and restart it; check that `source` names its video stream",
    ),
}


def problem(trouble: Trouble, **seen: object) -> Problem:
    """The problem as a person reads it. `seen` fills the cause; hand in `place_of(source)`, never the source."""
    cause, advice = TABLE[trouble]
    return Problem(trouble.value, cause.format(**seen), advice)


def place_of(source: str) -> str:
    """The part of a source that may be shown: scheme and host of a URL (the rest may hold a password), else
    the path."""
    if source.startswith("/"):
        return source
    try:
        parts = urlsplit(source)
        return f"{parts.scheme}://{parts.hostname or '?'}"
    except ValueError:
        return "the camera"
