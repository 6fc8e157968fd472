"""What the kernel says of processes, file systems and the machine."""

from __future__ import annotations

import os
import platform
import select
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.bench.frame import BenchFailed

MB = 1_000_000
ROOT = Path(__file__).parents[2]
"""The project."""
_TICKS_S = os.sysconf("SC_CLK_TCK")


class Memory(NamedTuple):
    """A process's memory in bytes: what is its own, and what it shares, by mapped file."""

    own: int
    shared: Mapping[str, int]
    pss: int


def memory(pid: int) -> Memory:
    """Own and shared pages of a process, and the kernel's PSS (proc(5), smaps)."""
    own = pss = 0
    shared: Counter[str] = Counter()
    name = ""
    for line in Path(f"/proc/{pid}/smaps").read_text(encoding="utf-8").splitlines():
        key, *values = line.split()
        if not key.endswith(":"):
            name = values[4] if len(values) > 4 else ""
        elif key in ("Private_Clean:", "Private_Dirty:"):
            own += int(values[0]) * 1024
        elif key in ("Shared_Clean:", "Shared_Dirty:"):
            shared[name] += int(values[0]) * 1024
        elif key == "Pss:":
            pss += int(values[0]) * 1024
    return Memory(own, shared, pss)


def pss_mb(process: Memory, others: Iterable[Memory]) -> float:
    """Proportional set size in MB (10^6 bytes) as it is when nothing runs but this process and `others`.

    The kernel's own PSS divides a page by all who map it, here also by simulators, the bench, and whatever else runs
    on the same Python: up to a quarter too little for the core. So shared pages are divided by those of ours that
    map the same file. Counted page by page (pagemap, as root) it was the same within 0.5 MB.
    """
    files = [other.shared for other in others]
    parts = (size / (1 + sum(name in file for file in files)) for name, size in process.shared.items() if size)
    return (process.own + sum(parts)) / MB


def cpu_s(pid: int) -> float:
    """User and system time of a process so far. Of two counts that both can only miss some, the greater: `stat` has
    ended threads too but cuts to 10 ms, `schedstat` is exact but has living threads only (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    coarse = (int(fields[11]) + int(fields[12])) / _TICKS_S
    exact = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            exact += int((task / "schedstat").read_text(encoding="ascii").split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue  # A kernel without it, or a thread that has just ended.
    return max(coarse, exact / 1e9)


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
