"""A D-Bus of one's own: the real `dbus-daemon`, at a socket in a folder, for whoever is given its address."""

from __future__ import annotations

import subprocess
from pathlib import Path

_CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
    <allow user="*"/>
    {rule}
  </policy>
</busconfig>
"""
_SHUT = '<deny send_destination="org.bluez"/>'


class Bus:
    """`address` stays the same, however often it is started. `shut`: its policy lets nobody speak to BlueZ, as Debian's
    does with users outside the group bluetooth."""

    def __init__(self, folder: Path, *, shut: bool = False) -> None:
        socket = folder / "bus"
        self.address = f"unix:path={socket}"
        self._socket = socket
        self._file = folder / "bus.conf"
        self._text = _CONFIGURATION.format(socket=socket, rule=_SHUT if shut else "")
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Returns when it answers. Raises `OSError` when it cannot be started."""
        self._file.write_text(self._text)
        self._socket.unlink(missing_ok=True)
        argv = ["dbus-daemon", f"--config-file={self._file}", "--nofork", "--nopidfile", "--print-address"]
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if self._process.stdout is None or not self._process.stdout.readline():
            self.stop()
            raise OSError("dbus-daemon did not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None
