"""What the kernel says of processes, file systems and the machine."""

from __future__ import annotations

import os
import platform
import select
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.bench.frame import BenchFailed

MB = 1_000_000
_TICKS_S = os.sysconf("SC_CLK_TCK")


def pss_mb(pid: int) -> float:
    """Proportional set size in MB of 10^6 bytes (proc(5), smaps_rollup): own pages whole, shared ones in parts."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / MB
    raise BenchFailed(f"the kernel tells no PSS of process {pid}")


def cpu_s(pid: int) -> float:
    """User and system time of all threads of a process so far, ended ones included (proc(5), stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_S


def run_cpu_s(argv: Sequence[str]) -> tuple[float, str]:
    """Run a program to its end: its user and system time (wait4(2)) and what it wrote. Raises `BenchFailed` when
    its exit code is not 0."""
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise BenchFailed(f"{' '.join(argv)} ended with {process.returncode}: {said[-500:]}")
    return usage.ru_utime + usage.ru_stime, said


def ends_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait for a child's end without polling, so that the moment is exact."""
    descriptor = os.pidfd_open(process.pid)
    try:
        ended = bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)
    if ended:
        process.wait()
    return ended


def freeze(pids: Sequence[int]) -> None:
    """Let these processes stand still: their memory stays as it is."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)


def thaw(pids: Sequence[int]) -> None:
    """Undo `freeze`; who has gone meanwhile is left out."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            continue


def file_system(folder: Path) -> str:
    """Type of the file system that a folder is on (proc(5), mounts)."""
    best, kind = "", "unknown"
    resolved = str(folder.resolve())
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _, point, found, *_ = line.split()
        inside = resolved == point or resolved.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, found
    return kind


def describe(folder: Path) -> str:
    """The machine on one line, for whoever compares two runs."""
    load = os.getloadavg()[0]
    cores = len(os.sched_getaffinity(0))
    return (
        f"{platform.machine()}, {cores} cores, load {load:.1f} at the start, Linux {platform.release()}, "
        f"Python {platform.python_version()}, {folder} on {file_system(folder)}"
    )
