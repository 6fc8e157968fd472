"""Which pictures are worth a look, in virtual time: what moves always, what rests now and then, what is flat never."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drivers.camera.decode import decode_image
from drivers.camera.gate import AWAKE_S, Gate, Worth
from drivers.simulators.camera_pictures import noisy, scene, with_code

Grey = NDArray[np.uint8]
SIZE = (320, 240)
WALL = scene(SIZE)
FRAME_NS = 125_000_000
REST_MS = 500


def looks(gate: Gate, pictures: list[Grey]) -> list[bool]:
    """Of a camera with 8 pictures a second."""
    return [gate.worth(picture, 10**12 + number * FRAME_NS) is Worth.LOOK for number, picture in enumerate(pictures)]


def resting(pictures: int = 60) -> list[Grey]:
    return [noisy(WALL, seed) for seed in range(pictures)]


def test_a_scene_at_rest_is_looked_at_now_and_then_after_a_while() -> None:
    worth = looks(Gate(REST_MS), resting())
    awake = int(AWAKE_S / 0.125)
    assert all(worth[: awake + 1])
    assert worth[awake + 1 : awake + 17] == [False, False, False, True] * 4


def test_a_pass_held_up_is_looked_at_at_once_and_as_long_as_it_may_come_into_focus() -> None:
    gate = Gate(REST_MS)
    looks(gate, resting())
    held = with_code(WALL.copy(), b"PASS-42")
    blurred = cv2.GaussianBlur(held, (0, 0), 6).astype(np.uint8)
    later = 10**12 + 100 * FRAME_NS
    assert decode_image(blurred) == []
    for number in range(int(AWAKE_S / 0.125)):
        picture = noisy(blurred if number < 12 else held, number)
        assert gate.worth(picture, later + number * FRAME_NS) is Worth.LOOK


@pytest.mark.parametrize("pixels", [29, 58])
def test_a_small_code_is_a_movement_wherever_it_is(pixels: int) -> None:
    """29 pixels: one for each module of the smallest code with its margin; nobody reads a smaller one."""
    whole = with_code(np.full((400, 400), 255, np.uint8), b"1")
    ink = np.argwhere(whole < 200)
    code = whole[ink[:, 0].min() : ink[:, 0].max() + 1, ink[:, 1].min() : ink[:, 1].max() + 1]
    small = cv2.resize(code, (pixels, pixels), interpolation=cv2.INTER_AREA)
    before = resting()
    for left in range(0, 8, 3):  # within a block
        gate = Gate(REST_MS)
        looks(gate, before)
        picture = WALL.copy()
        picture[40 : 40 + pixels, 100 + left : 100 + left + pixels] = small
        assert gate.worth(noisy(picture, 99), 10**12 + 60 * FRAME_NS) is Worth.LOOK


def test_a_covered_lens_is_never_looked_at_and_known_to_show_nothing() -> None:
    gate = Gate(REST_MS)
    worth = [gate.worth(noisy(WALL // 255, seed), 10**12 + seed * FRAME_NS) for seed in range(60)]
    assert set(worth) == {Worth.EMPTY, Worth.REST}
    assert Worth.REST not in worth[: int(AWAKE_S / 0.125)]


def test_every_code_that_is_not_too_faint_to_be_read_is_looked_at() -> None:
    held = with_code(np.full((240, 320), 225, np.uint8), b"PASS-42").astype(np.float32)
    faint = {contrast: (40 + (held - 25) * contrast / 200).astype(np.uint8) for contrast in range(4, 80, 4)}
    read = [contrast for contrast, picture in faint.items() if decode_image(picture)]
    assert 4 not in read
    assert 76 in read
    assert all(Gate(REST_MS).worth(faint[contrast], 10**12) is Worth.LOOK for contrast in read)


def test_without_rest_everything_is_looked_at() -> None:
    assert all(looks(Gate(0), [*resting(40), np.zeros((240, 320), np.uint8)]))


def test_another_size_is_a_movement() -> None:
    gate = Gate(REST_MS)
    looks(gate, resting())
    assert gate.worth(noisy(scene((640, 480)), 1), 10**12 + 60 * FRAME_NS) is Worth.LOOK


@settings(deadline=None, max_examples=40)
@given(
    shapes=st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=3),
    order=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 900)), min_size=1, max_size=40),
    rest_ms=st.integers(1, 2000),
)
def test_with_contrast_a_look_never_comes_later_than_promised(
    shapes: list[tuple[int, int]], order: list[tuple[int, int]], rest_ms: int
) -> None:
    """Pictures of any size in any order and at any pace."""
    pictures = [np.tile(np.array([[0, 255]], np.uint8), (height * 8, width * 8)) for height, width in shapes]
    for picture in pictures:
        picture[:, : picture.shape[1] // 2] = 0
    gate, now, looked = Gate(rest_ms), 10**12, 10**12
    for number, pause_ms in order:
        now += pause_ms * 1_000_000
        if gate.worth(pictures[number % len(pictures)], now) is Worth.LOOK:
            looked = now
        assert now - looked < rest_ms * 1_000_000
