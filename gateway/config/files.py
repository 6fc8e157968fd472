"""Files that come with the program: ready configurations, sample bundles, schemas."""

from __future__ import annotations

from pathlib import Path

from gateway.model.errors import NotFound


def bundled(name: str) -> Path:
    """A file of `config/`: in an installed wheel beside the package, in a checkout beside it. Raises `NotFound`."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "data" / "config", package.parent / "config"):
        if (folder / name).exists():
            return folder / name
    raise NotFound(f"config/{name} is not there", "Install the program again", where=str(package))
