"""One owner per printer: a lock file named after the port, beside the lock on the port itself. A network printer has no
other lock, a serial port can be opened under two names, and the port's own lock goes whenever it is closed."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from pathlib import Path

from drivers.driver import DeviceError
from drivers.fiscal.errors import Trouble, problem


class PortLock:
    """`take` before the port is opened; `release` never fails. The kernel releases it when the process ends, however it
    ends; the file stays and means nothing by itself."""

    def __init__(self, port: str, identity: str) -> None:
        self._port = port
        self._name = f"smartplace-fiscal-{hashlib.sha256(identity.encode()).hexdigest()[:16]}.lock"
        self._file: int | None = None

    def take(self) -> None:
        """Raises `DeviceError` when another process has it."""
        if self._file is not None:
            return
        file = self._opened()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(file)
            raise DeviceError(problem(Trouble.PORT_BUSY, port=self._port, what=self._name)) from error
        self._file = file

    def _opened(self) -> int:
        """Reading is enough for a lock, so that a file which another user has left behind serves as well."""
        path, flags = _folder() / self._name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            return os.open(path, flags)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise DeviceError(problem(Trouble.PORT_BUSY, port=self._port, what=str(error))) from error
        try:
            return os.open(path, flags | os.O_CREAT, 0o644)
        except OSError as error:
            raise DeviceError(problem(Trouble.PORT_BUSY, port=self._port, what=str(error))) from error

    def release(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


def _folder() -> Path:
    """Where all processes that could want the port look: the system's folder for locks where it may be written."""
    candidates = (Path("/run/lock"), Path(tempfile.gettempdir()))
    return next((folder for folder in candidates if os.access(folder, os.W_OK | os.X_OK)), candidates[-1])
