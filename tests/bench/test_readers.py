"""The bench of readers: every driver that reports readings, the pictures, the counting. Nothing asserts how fast."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.contract.core import Kind
from tests.bench.pictures import KINDS, pictures
from tests.bench.readers import reporting
from tests.bench.readers_codes import _look, _percent
from tests.bench.test_frame import bench
from tests.drivers.test_quality import FOLDERS, driver_class
from tests.support.pcscd import require_pcscd


def test_every_driver_that_reports_readings_has_its_figures(tmp_path: Path) -> None:
    require_pcscd()
    done = bench("readers", "--quick", "--folder", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    figures = {figure["metric"]: figure for figure in json.loads((tmp_path / "bench.json").read_text())}
    for name in reporting():
        assert figures[f"{name}_p50_ms"]["value"] > 0
        assert figures[f"{name}_p50_ms"]["baseline"] > 0
        assert figures[f"{name}_pss_mb"]["value"] > figures[f"{name}_pss_mb"]["baseline"]
        assert f"{name}_cpu_percent" in figures
    assert figures["qr_wrong_zxing"]["value"] == 0
    assert "qr_read_percent_opencv" in figures


def test_no_driver_that_reports_readings_is_left_out() -> None:
    asked = {Kind.PRINTER, Kind.SLIP, Kind.LIBRARY, Kind.KEYBOARD}
    readers = [folder.name for folder in FOLDERS if driver_class(folder).kind not in asked]
    assert reporting() == readers
    assert {"ble", "camera", "nfc", "osdp", "scanner", "wiegand"} <= set(readers)
    assert not {"fiscal", "sip2", "slip", "wedge"} & set(readers)


def test_the_pictures_are_the_same_at_every_run_and_of_every_kind() -> None:
    first, second = pictures(1), pictures(1)
    assert [picture.kind for picture in first] == list(KINDS)
    assert all(np.array_equal(one.grey, other.grey) for one, other in zip(first, second, strict=True))
    assert len({picture.payload for picture in first}) == len(first)


@pytest.mark.parametrize(
    ("found", "read", "wrong"),
    [([b"its"], True, False), ([], False, False), ([b"another"], False, True), ([b"its", b"another"], True, True)],
)
def test_wrong_is_a_payload_that_is_not_the_pictures(found: list[bytes], read: bool, wrong: bool) -> None:
    def reader(_grey: NDArray[np.uint8]) -> list[bytes]:
        return found

    picture = pictures(1)[0]._replace(payload=b"its")
    assert _look(reader, picture, 1)[:2] == (read, wrong)
    assert _percent([1.0, 0.0, 0.0, 1.0]) == 50
