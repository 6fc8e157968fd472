"""The camera driver against recorded RTSP sessions (tests/data/camera says of what), and against their failures."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from drivers.contract.core import DeviceState
from drivers.contract.reader import Code
from tests.support.driver_process import DriverProcess
from tests.support.rtsp_transcript import Player, Transcript

LOST, READY = DeviceState.LOST, DeviceState.READY
DATA = Path(__file__).parents[1] / "data" / "camera"
PASS = Code("qr", b"PASS-42")


def driver(player: Player) -> DriverProcess:
    return DriverProcess("drivers.camera", {"source": player.url, "timeout_ms": 1500, "gone_ms": 200})


def lost(process: DriverProcess) -> str:
    problem = process.expect_state(LOST).problem
    assert problem is not None
    return problem.code


@pytest.mark.parametrize(
    ("name", "detail"),
    [("h264", {"size": "240x180", "codec": "h264"}), ("mjpeg", {"size": "240x184", "codec": "MJPG"})],
)
def test_a_recorded_session_is_read_as_it_was(name: str, detail: dict[str, str]) -> None:
    transcript = Transcript(DATA / f"rtsp-{name}.txt")
    with Player(transcript) as player:
        with driver(player) as process:
            assert process.expect_state(READY).detail == detail
            assert process.expect_reading(Code) == PASS
        asked = [request.split(" ")[0] for request in player.requests]
        recorded = [request.split(" ")[0] for request in transcript.asked]
        assert asked[:4] == recorded[:4] == ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"]
        # Over the one connection and not by UDP, which loses packets.
        assert "RTP/AVP/TCP;unicast;interleaved=0-1" in player.requests[2]


def test_a_session_that_falls_silent_or_ends_is_begun_again() -> None:
    transcript = Transcript(DATA / "rtsp-h264.txt")
    with Player(transcript) as player, driver(player) as process:
        process.expect_state(READY)
        assert process.expect_reading(Code) == PASS
        assert lost(process) == "silent"
        process.expect_state(READY)
    with Player(transcript, cut=True) as player, driver(player) as process:
        process.expect_state(READY)
        assert lost(process) == "stream_ended"
        process.expect_state(READY)


def test_a_camera_that_takes_connections_and_answers_nothing_is_not_opened_then_found() -> None:
    with Player(Transcript(DATA / "rtsp-mjpeg.txt")) as player:
        player.mute = True
        with driver(player) as process:
            assert lost(process) == "not_opened"
            player.mute = False
            process.expect_state(READY)
            assert process.expect_reading(Code) == PASS


@pytest.mark.parametrize("name", ["h264", "mjpeg"])
def test_damaged_packets_are_survived(name: str) -> None:
    """Each second packet with bytes of chance in it, also in its RTP header."""
    dice = random.Random(7)

    def spoil(content: bytes) -> bytes:
        damaged = bytearray(content)
        for _ in range(dice.choice((0, 40))):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        return bytes(damaged)

    with Player(Transcript(DATA / f"rtsp-{name}.txt"), cut=True) as player:
        player.spoil = spoil
        with driver(player) as process:
            process.expect_state(LOST)
            player.spoil = lambda content: content
            assert process.expect_reading(Code) == PASS
            assert process.garbage == []
