"""What a bench is given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Context(NamedTuple):
    """An empty folder on a real disk, gone afterwards; `quick` asks for one short round; `say` tells of progress."""

    folder: Path
    quick: bool
    say: Callable[[str], None]

    def rounds(self, number: int) -> range:
        return range(1 if self.quick else number)
