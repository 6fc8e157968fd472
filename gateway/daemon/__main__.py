"""`python -m gateway.daemon CONFIG`: what `smartplace run` becomes."""

from __future__ import annotations

import sys
from pathlib import Path

from gateway.daemon import run

if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1])))
