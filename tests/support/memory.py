"""Where tests keep what they need no longer than they run."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import MutableMapping
from pathlib import Path

MEMORY = Path("/dev") / "shm"
ROOM = 2 << 30
"""Bytes. A run needs a third of it at its fullest; a container's 64 MB would not do."""


def in_memory(memory: Path = MEMORY) -> str | None:
    """A folder that no disk is behind, if there is one with room; None means the usual one. A test waits for a dozen
    commits, each of which waits for a disk. Whether a disk keeps its word is shown elsewhere: by cuts at each step, and
    by the fault suite, whose folders are on a disk."""
    if os.access(memory, os.W_OK) and memory.is_dir() and shutil.disk_usage(memory).free >= ROOM:
        return str(memory)
    return None


def keep_temporary_files_in_memory(environment: MutableMapping[str, str]) -> None:
    """For this process and its children, unless somebody has said where."""
    if "TMPDIR" not in environment and (folder := in_memory()):
        environment["TMPDIR"] = folder
        tempfile.tempdir = None  # It is asked for anew.
