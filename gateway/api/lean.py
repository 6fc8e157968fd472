"""Imports of aiohttp only what serves, and not what a gateway never uses. Import this before aiohttp.

What aiohttp costs by itself and is left out here: its HTTP client with a TLS context of the system's 140 certificate
authorities (5 MB, 60 ms); C and C++ where Python does as well: lists of signals that are set up once, with the C++
library that only they need, quoting of addresses, cached properties (0.8 MB); the system's table of two thousand file
types (0.3 MB): those of our pages are in `gateway.api.pages`. The HTTP parser stays the one in C.

Whoever asks the package for more than what serves (`aiohttp.ClientSession`) gets all of it then, as if nothing had
been left out; so a newer aiohttp can cost memory here, and break nothing. tests/test_daemon_memory.py sees that cost.
"""

from __future__ import annotations

import importlib.util
import mimetypes
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

_IN_PYTHON = ("FROZENLIST_NO_EXTENSIONS", "PROPCACHE_NO_EXTENSIONS", "YARL_NO_EXTENSIONS")
"""Switches of these packages themselves. What they do in Python takes some microseconds of a request."""


@contextmanager
def _in_python() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _IN_PYTHON}
    os.environ.update(dict.fromkeys(_IN_PYTHON, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _built_in_types() -> Iterator[None]:
    before, mimetypes.knownfiles = mimetypes.knownfiles, []
    try:
        yield
    finally:
        mimetypes.knownfiles = before
        mimetypes.inited = False  # Who guesses a type later reads the system's table first.


def _import_server() -> None:
    """aiohttp.web, without what the package's own `__init__` imports; that is run when somebody asks for it."""
    spec = importlib.util.find_spec("aiohttp")
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError("No module named 'aiohttp'", name="aiohttp")
    package, loader = importlib.util.module_from_spec(spec), spec.loader

    def rest(name: str) -> Any:
        # PEP 562: asked only for what the package does not have. Names such as `__wrapped__` are asked of any module.
        if name.startswith("__"):
            raise AttributeError(name)
        package.__dict__.pop("__getattr__", None)
        loader.exec_module(package)
        return getattr(package, name)

    # For a header of aiohttp's own, which no answer of ours has (`gateway.api.guard`).
    package.__dict__["__version__"] = "server"
    sys.modules["aiohttp"] = package
    with ExitStack() as undo:
        undo.callback(sys.modules.pop, "aiohttp")
        import aiohttp.web  # noqa: F401

        undo.pop_all()
    package.__dict__["__getattr__"] = rest


if "aiohttp" not in sys.modules:
    with _in_python(), _built_in_types():
        _import_server()
