"""Runs within namespaces of its own: pcscd with the virtual reader, and for each of its slots a socket in the file
system that leads to it. vpcd listens on all addresses and asks nobody: so it gets a network without any other.

    unshare --mount --net python -m drivers.simulators.pcscd_inside FOLDER

`start`, `kill`, `freeze` and `stop` on standard input steer pcscd, `move` puts its reader at another port from the next
start on; each is answered with a line.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

PORT = 35963
SLOTS = 2
RUN = Path("/run/pcscd")
SIOCSIFFLAGS, IFF_UP_RUNNING = 0x8914, 0x41
DRIVER = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"


def main() -> None:
    folder = Path(sys.argv[1])
    RUN.mkdir(exist_ok=True)
    subprocess.run(["/bin/mount", "-t", "tmpfs", "none", str(RUN)], check=True)
    _loopback_up()
    conf = folder / "conf"
    conf.mkdir(exist_ok=True)
    reader = Port(conf)
    reader.plug(PORT)
    for number in range(SLOTS):
        threading.Thread(target=_lead, args=(folder / f"slot{number}", reader, number), daemon=True).start()
    daemon: subprocess.Popen[bytes] | None = None
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "move":
            reader.plug(reader.number + SLOTS)
        elif line.strip() == "freeze" and daemon is not None:
            daemon.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, daemon.pid, os.WSTOPPED)
        elif daemon is not None:
            daemon.send_signal(signal.SIGKILL if line.strip() == "kill" else signal.SIGTERM)
            daemon.wait()
            daemon = None
        if line.strip() == "start":
            for left in RUN.iterdir():
                left.unlink()
            with (folder / "pcscd.log").open("ab") as log:
                daemon = subprocess.Popen(
                    ["/usr/sbin/pcscd", "--foreground", "--config", str(conf)], stdout=log, stderr=log
                )
        print("done", flush=True)
    if daemon is not None:
        daemon.kill()
        daemon.wait()


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP_RUNNING))


class Port:
    """Where the virtual reader is plugged in: its first slot's port, as pcscd's configuration says."""

    def __init__(self, conf: Path) -> None:
        self._conf = conf
        self.number = 0

    def plug(self, number: int) -> None:
        self.number = number
        where = f"DEVICENAME /dev/null:0x{number:X}\nLIBPATH {DRIVER}\nCHANNELID 0x{number:X}\n"
        (self._conf / "vpcd").write_text('FRIENDLYNAME "Virtual PCD"\n' + where)


def _lead(path: Path, reader: Port, slot: int) -> None:
    """Join each connection to the path with one to the slot's port; both end together."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(4)
        while True:
            near, _ = server.accept()
            try:
                far = socket.create_connection(("127.0.0.1", reader.number + slot), 1)
            except OSError:
                near.close()
                continue
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=_copy, args=(one, other), daemon=True).start()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    try:
        while True:
            if source.family == socket.AF_INET:
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            data = source.recv(65536)
            if not data:
                break
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    os.setsid()
    main()
