"""What makes the whole run short: which files begin first, and where temporary files are."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import LONGEST_FIRST, ROOT, pytest_collection_modifyitems
from tests.support.memory import MEMORY, ROOM, in_memory, keep_temporary_files_in_memory


class Space(NamedTuple):
    total: int
    used: int
    free: int


class Named(pytest.Item):
    def runtest(self) -> None:
        """Nothing: it is put in order only."""


def test_every_file_that_begins_first_is_there() -> None:
    assert [name for name in LONGEST_FIRST if not (ROOT / "tests" / name).is_file()] == []
    assert len(set(LONGEST_FIRST)) == len(LONGEST_FIRST)


def test_the_longest_begin_and_all_others_keep_their_order(request: pytest.FixtureRequest) -> None:
    names = ["api/test_a.py", LONGEST_FIRST[1], "wire/test_z.py", LONGEST_FIRST[0], "api/test_a.py"]
    items: list[pytest.Item] = [
        Named.from_parent(request.session, name=f"{number}", path=ROOT / "tests" / name)
        for number, name in enumerate(names)
    ]
    pytest_collection_modifyitems(items)
    assert [item.name for item in items] == ["3", "1", "0", "2", "4"]


def test_memory_without_room_or_that_is_not_there_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = ROOM
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Space(2 * ROOM, 2 * ROOM - free, free))
    assert in_memory(tmp_path) == str(tmp_path)
    assert in_memory(tmp_path / "nowhere") is None
    free = ROOM - 1
    assert in_memory(tmp_path) is None


def test_whoever_says_where_temporary_files_are_is_heard() -> None:
    environment = {"TMPDIR": "/somewhere"}
    keep_temporary_files_in_memory(environment)
    assert environment == {"TMPDIR": "/somewhere"}


@pytest.mark.skipif(in_memory() is None, reason="no memory with room for temporary files")
def test_temporary_files_of_tests_and_of_what_they_start_are_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    environment: dict[str, str] = {}
    keep_temporary_files_in_memory(environment)
    assert environment == {"TMPDIR": str(MEMORY)}
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setitem(os.environ, "TMPDIR", environment["TMPDIR"])
    assert tempfile.gettempdir() == str(MEMORY)
