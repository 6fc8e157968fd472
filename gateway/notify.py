"""Tells systemd how we are: `sd_notify(3)` as a datagram, nothing else. Does nothing outside a notify unit."""

from __future__ import annotations

import os
import socket


class Notifier:
    """Sends state to the socket that systemd names in the environment."""

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        values = dict(os.environ) if environment is None else environment
        self._address = values.get("NOTIFY_SOCKET", "")
        self.watchdog_s = _watchdog_s(values)
        """Within which time systemd wants to hear of us; 0 for never."""

    def tell(self, *lines: str) -> bool:
        """Send assignments such as `READY=1`. False when nobody listens."""
        if not self._address:
            return False
        # A leading @ names an abstract socket, whose real name begins with a zero byte.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            try:
                channel.sendto("\n".join(lines).encode(), address)
            except OSError:
                return False
        return True


def _watchdog_s(values: dict[str, str]) -> float:
    """Of this very process only, as sd_watchdog_enabled(3) has it."""
    usec, pid = values.get("WATCHDOG_USEC", ""), values.get("WATCHDOG_PID", "")
    if not usec.isdecimal() or pid not in ("", str(os.getpid())):
        return 0.0
    return int(usec) / 1e6
