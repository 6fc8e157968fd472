from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.demo.tree import Tree

Play = Callable[..., Tree]


@pytest.fixture(scope="module")
def play() -> Iterator[Play]:
    """Starts `smartplace demo …`; whatever a test leaves of it is ended. Folders are short: sockets live in them."""
    trees: list[Tree] = []
    top = Path(tempfile.mkdtemp(prefix="sp-"))

    def start(*arguments: str, **environment: str) -> Tree:
        folder = top / str(len(trees))
        folder.mkdir()
        argv = [sys.executable, "-m", "gateway.cli", "demo", *arguments]
        trees.append(Tree(argv, folder, **environment))
        return trees[-1]

    yield start
    for tree in trees:
        tree.clean_up()
    shutil.rmtree(top)
