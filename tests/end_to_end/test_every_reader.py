"""Through each reader that there is: a credential becomes a decision at a gate; pulled out and put back, the reader
heals within the figures of docs/drivers.md. A driver that comes new is in it by itself.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from drivers.contract.core import Kind
from tests.drivers.test_quality import FOLDERS, driver_class
from tests.support.pcscd import require_pcscd
from tests.support.programs import require_program

ROOT = Path(__file__).parents[2]
READERS = [folder.name for folder in FOLDERS if driver_class(folder).kind is Kind.READER]
ROOM = 3
"""Times the figure: for a machine that is busy with other tests."""
_row = re.compile(r"^\| `(\w+)` \| [^|]+ \| ([\d.]+) s \| ([\d.]+) s \|$", re.MULTILINE)


def figures() -> dict[str, tuple[float, float]]:
    """Driver → seconds until its loss is told, and from its return until it is ready, as documented."""
    page = (ROOT / "docs" / "drivers.md").read_text(encoding="utf-8")
    return {name: (float(lost), float(back)) for name, lost, back in _row.findall(page)}


def test_the_page_has_a_figure_for_every_reader() -> None:
    assert figures().keys() == set(READERS)


@pytest.mark.timeout(240)
def test_each_reader_comes_to_a_decision_and_heals_in_time(tmp_path: Path) -> None:
    require_pcscd()
    require_program("dbus-daemon", "dbus")
    argv = [sys.executable, "-m", "gateway.cli", "demo", "--readers", "--json", "--port", "0"]
    done = subprocess.run(
        [*argv, "--state", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=230, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["left_out"] == {}
    assert sorted(one["driver"] for one in told["readers"]) == sorted(READERS)
    late = [
        one
        for one in told["readers"]
        if one["lost_s"] > figures()[one["driver"]][0] * ROOM or one["ready_s"] > figures()[one["driver"]][1] * ROOM
    ]
    assert late == []
