"""`doctor` and cameras on the network: does anything answer there, and never a word of the password."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from gateway.cli.finding import Check, Level
from gateway.cli.sources import source_checks
from gateway.config.load import load
from tests.cli.conftest import write_config

CAMERA = '[[device]]\nid = "eye"\ndriver = "camera"\noptions = {{source = "{source}"}}\n'


def checks(tmp_path: Path, source: str) -> list[Check]:
    return list(source_checks(load(write_config(tmp_path / "etc", more=CAMERA.format(source=source)))))


def test_a_camera_that_answers_passes(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (check,) = checks(tmp_path, f"rtsp://admin:hunter2@127.0.0.1:{port}/stream?token=hunter2")
    assert check.level is Level.PASS
    assert f"rtsp://127.0.0.1:{port} answers" in check.cause
    assert "hunter2" not in " ".join(check)


def test_a_camera_that_does_not_answer_fails_with_advice(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    (check,) = checks(tmp_path, f"http://admin:hunter2@127.0.0.1:{port}/video.mjpg")
    assert check.level is Level.FAIL
    assert check.name == "source of eye"
    assert check.cause == f"http://127.0.0.1:{port}: Connection refused"
    assert "power and network cable" in check.advice
    assert "hunter2" not in " ".join(check)


@pytest.mark.parametrize("source", ["http://[broken/x", "http://host:99999999/x", "rtsp://:554/x"])
def test_what_is_no_url_is_said(tmp_path: Path, source: str) -> None:
    (check,) = checks(tmp_path, source)
    assert check.level is Level.FAIL
    assert "no URL of a camera" in check.cause


def test_a_device_file_and_a_recording_are_left_to_others(tmp_path: Path) -> None:
    assert checks(tmp_path, "/dev/v4l/by-id/usb-camera") == []
