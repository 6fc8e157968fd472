"""The simulated camera as a viewer sees it, and as the program that a person or the demo steers."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
import zxingcpp

from drivers.simulators.camera import CameraSimulator


@pytest.fixture
def camera() -> Iterator[CameraSimulator]:
    camera = CameraSimulator()
    camera.start()
    yield camera
    camera.stop()


def codes(jpeg: bytes) -> list[bytes]:
    grey = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    wanted = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])
    return [code.bytes for code in zxingcpp.read_barcodes(grey, formats=wanted)]


def next_jpeg(stream: Any) -> bytes:
    """One part of multipart/x-mixed-replace (RFC 2046 section 5.1)."""
    assert stream.readline() == b"--frame\r\n"
    assert stream.readline() == b"Content-Type: image/jpeg\r\n"
    length = int(stream.readline().removeprefix(b"Content-Length: "))
    assert stream.readline() == b"\r\n"
    jpeg: bytes = stream.read(length)
    assert stream.read(2) == b"\r\n"
    return jpeg


def watch(url: str) -> Any:
    return urllib.request.urlopen(url, timeout=10)  # noqa: S310 - a loopback URL of this test


def test_streams_jpeg_frames_ten_a_second(camera: CameraSimulator) -> None:
    with watch(camera.url) as stream:
        assert stream.headers["Content-Type"] == "multipart/x-mixed-replace; boundary=frame"
        next_jpeg(stream)
        begin = time.monotonic()
        frames = [next_jpeg(stream) for _ in range(10)]
    assert 0.8 < time.monotonic() - begin < 5
    assert len(set(frames)) > 2  # noise: no two frames in a row are the same
    assert codes(frames[0]) == []


def test_a_code_is_in_the_picture_while_it_is_shown(camera: CameraSimulator) -> None:
    camera.show("PASS-42")
    assert codes(camera.frame(0)) == [b"PASS-42"]
    camera.hide()
    assert codes(camera.frame(0)) == []


def test_a_dark_camera_shows_nothing(camera: CameraSimulator) -> None:
    camera.show("PASS-42")
    camera.fault("dark")
    assert codes(camera.frame(0)) == []


def test_presenting_ends_by_itself() -> None:
    told: list[str] = []
    hidden = threading.Event()

    def on_event(event: str, mono_ns: int) -> None:
        told.append(event)
        if event == "hidden":
            hidden.set()

    camera = CameraSimulator(on_event=on_event)
    camera.start()
    try:
        camera.present("PASS-42", 100)
        assert hidden.wait(10)
    finally:
        camera.stop()
    assert told == ["shown", "hidden"]


def test_a_later_code_is_not_taken_away_by_an_earlier_presenting(camera: CameraSimulator) -> None:
    camera.present("PASS-42", 200)
    camera.show("PASS-43")
    with watch(camera.url) as stream:
        assert all(codes(next_jpeg(stream)) == [b"PASS-43"] for _ in range(6))


def test_refuses_and_listens_again_at_the_same_place(camera: CameraSimulator) -> None:
    url = camera.url
    camera.fault("refuse")
    with pytest.raises(urllib.error.URLError):
        watch(url)
    camera.fault("none")
    with watch(url) as stream:
        next_jpeg(stream)


@pytest.mark.parametrize("wrong", ["", "x" * 5000])
def test_what_cannot_be_drawn_is_said(camera: CameraSimulator, wrong: str) -> None:
    with pytest.raises(ValueError, match="byte"):
        camera.show(wrong)


def test_is_steered_by_json_lines() -> None:
    argv = [sys.executable, "-m", "drivers.simulators.camera", "--port", "0"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdin is not None
        assert program.stdout is not None

        def told() -> dict[str, Any]:
            assert program.stdout is not None
            line: dict[str, Any] = json.loads(program.stdout.readline())
            return line

        def do(**command: object) -> None:
            assert program.stdin is not None
            program.stdin.write(json.dumps(command) + "\n")
            program.stdin.flush()

        url = told()["ready"]["url"]
        do(do="show", text="PASS-42")
        shown = told()
        assert shown["event"] == "shown"
        assert shown["mono_ns"] <= time.monotonic_ns()
        assert told() == {"ok": None}
        with watch(url) as stream:
            assert codes(next_jpeg(stream)) == [b"PASS-42"]
        do(do="hide")
        assert [told().get("event"), told()] == ["hidden", {"ok": None}]
        do(do="fault", kind="fire")
        assert "fire" in told()["error"]
        do(do="present", text="PASS-42", ms=0)
        assert "above 0" in told()["error"]
        program.stdin.close()
        assert program.wait(10) == 0
