"""Programs and files of the system that some tests need and a developer's machine may lack."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest


def require_program(name: str, package: str) -> str:
    """Path of the program `name`. Without it the test is skipped with a line that names the Debian package;
    where CI=true it fails instead, so that a gate can never be lost in silence."""
    return shutil.which(name) or _without(f"the program {name}", package)


def require_file(path: str, package: str) -> str:
    """`path`, when that file is there; else as `require_program`."""
    return path if Path(path).is_file() else _without(f"the file {path}", package)


def require_library(name: str, package: str) -> str:
    """Path of a shared library, when it is there; else as `require_program`."""
    found = sorted(Path("/usr/lib").glob(f"*/{name}"))
    return str(found[0]) if found else _without(f"the library {name}", package)


def require_module(name: str, package: str) -> None:
    """The Python module that is built only where `package` is there; else as `require_program`."""
    if importlib.util.find_spec(name) is None:
        _without(f"the module {name}, which pip builds with it", package)


def _without(what: str, package: str) -> NoReturn:
    line = f"this test needs {what}: apt install {package}"
    if os.environ.get("CI") == "true":
        pytest.fail(line)
    pytest.skip(line)
