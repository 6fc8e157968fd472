"""The gateway as one process: wiring and life. Knows every part but the command and the centre."""

from __future__ import annotations

from gateway.daemon.serve import run

__all__ = ["run"]
