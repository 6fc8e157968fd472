"""Every problem of the camera driver has a cause, an advice, and a line in its page."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.camera.errors import TABLE, Trouble, place_of, problem
from drivers.camera.options import Options

PAGE = Path(__file__).parents[2] / "docs/drivers/camera.md"


@pytest.mark.parametrize("trouble", list(Trouble))
def test_a_problem_says_what_and_what_to_do(trouble: Trouble) -> None:
    told = problem(trouble, place="http://10.0.0.7", ms=5000, missing="cv2")
    assert told.code == trouble
    assert "{" not in told.cause
    assert told.advice


@pytest.mark.parametrize("trouble", list(Trouble))
def test_the_page_gives_the_same_advice(trouble: Trouble) -> None:
    rows = [row for row in PAGE.read_text().splitlines() if row.startswith(f"| `{trouble}` |")]
    assert [row.split("|")[3].strip() for row in rows] == [TABLE[trouble][1]]


def test_the_page_s_example_is_valid_and_shows_the_defaults() -> None:
    example = PAGE.read_text().split("```toml\n")[1].split("```")[0]
    (device,) = tomllib.loads(example)["device"]
    options = msgspec.convert(device["options"], Options)
    assert options == Options(source=options.source)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("http://10.0.0.7:8080/video?user=a&pass=b", "http://10.0.0.7"),
        ("rtsp://admin:hunter2@gate.local/h264", "rtsp://gate.local"),
        ("https://user@[fe80::1]:8443/x", "https://fe80::1"),
        ("http://[broken", "the camera"),
        ("/dev/video0", "/dev/video0"),
    ],
)
def test_only_scheme_and_host_of_a_source_are_shown(source: str, shown: str) -> None:
    assert place_of(source) == shown


@given(password=st.text("abcdefgh0123456789!$%&+-._~", min_size=4, max_size=20).map("Xq".__add__))
def test_no_password_is_ever_shown(password: str) -> None:
    source = f"http://admin:{password}@camera.local:80/video?token={password}#{password}"
    assert "Xq" not in place_of(source)
    assert "Xq" not in repr(Options(source=source))


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"source": "0"},
        {"source": "concat:/etc/passwd"},
        {"source": "http://"},
        {"source": "/dev/video0", "formats": []},
        {"source": "/dev/video0", "formats": ["all"]},
        {"source": "/dev/video0", "max_fps": 0},
        {"source": "/dev/video0", "gone_ms": 0},
        {"source": "/dev/video0", "timeout_ms": 60_000},
        {"source": "/dev/video0", "colour": True},
    ],
)
def test_wrong_options_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Options)
