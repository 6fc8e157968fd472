"""Codes out of pictures: right bytes, named formats only, and nothing else whatever the bytes are."""

from __future__ import annotations

import io
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterable

import cv2
import numpy as np
import pytest
import segno
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drivers.camera.decode import decode_image, decoder, grey_image
from drivers.camera.options import DecoderName, Symbology
from tests.support.programs import require_library

Grey = NDArray[np.uint8]

ZXING = {
    Symbology.QR: (zxingcpp.BarcodeFormat.QRCode, "PASS-42"),
    Symbology.DATA_MATRIX: (zxingcpp.BarcodeFormat.DataMatrix, "PASS-42"),
    Symbology.AZTEC: (zxingcpp.BarcodeFormat.Aztec, "PASS-42"),
    Symbology.CODE_128: (zxingcpp.BarcodeFormat.Code128, "PASS-42"),
    Symbology.CODE_39: (zxingcpp.BarcodeFormat.Code39, "PASS-42"),
    Symbology.CODABAR: (zxingcpp.BarcodeFormat.Codabar, "A40156B"),
    Symbology.EAN_13: (zxingcpp.BarcodeFormat.EAN13, "4006381333931"),
    Symbology.EAN_8: (zxingcpp.BarcodeFormat.EAN8, "96385074"),
    Symbology.ITF: (zxingcpp.BarcodeFormat.ITF, "00012345600012"),
}
LIBRARY = (Symbology.EAN_13, Symbology.CODE_128, Symbology.CODE_39, Symbology.CODABAR, Symbology.ITF)
"""What stands on library cards."""


def label(symbology: Symbology) -> tuple[NDArray[np.uint8], bytes]:
    """A printed code of this symbology, and what it holds."""
    member, text = ZXING[symbology]
    image = zxingcpp.write_barcode_to_image(zxingcpp.create_barcode(text, member), scale=4)
    return np.array(image), text.encode()


def qr_png(payload: bytes) -> bytes:
    file = io.BytesIO()
    segno.make(payload, error="m", micro=False, mode="byte").save(file, kind="png", scale=4)
    return file.getvalue()


def read(grey: Grey, formats: Iterable[Symbology] = (Symbology.QR,)) -> list[tuple[Symbology, bytes]]:
    return [(code.symbology, code.data) for code in decode_image(grey, formats)]


@pytest.mark.parametrize("symbology", list(Symbology))
def test_each_symbology_is_read_under_its_own_name(symbology: Symbology) -> None:
    picture, data = label(symbology)
    assert read(picture, [symbology]) == [(symbology, data)]


@pytest.mark.parametrize("symbology", list(Symbology))
def test_each_symbology_is_told_from_all_others(symbology: Symbology) -> None:
    picture, data = label(symbology)
    assert read(picture, Symbology) == [(symbology, data)]


def test_what_is_not_asked_for_is_not_read() -> None:
    picture, _ = label(Symbology.EAN_13)
    assert read(picture) == []


def test_two_codes_in_one_picture_are_both_read() -> None:
    pictures = [grey_image(qr_png(data)) for data in (b"LEFT", b"RIGHT")]
    both = np.hstack([picture for picture in pictures if picture is not None])
    assert sorted(data for _, data in read(both)) == [b"LEFT", b"RIGHT"]


@given(payload=st.binary(min_size=1, max_size=300))
@settings(max_examples=50, deadline=None)
def test_any_payload_comes_out_as_it_went_in(payload: bytes) -> None:
    picture = grey_image(qr_png(payload))
    assert picture is not None
    assert read(picture) == [(Symbology.QR, payload)]


@given(data=st.binary(max_size=2000))
@settings(deadline=None)
def test_bytes_that_are_no_image_are_nothing(data: bytes) -> None:
    assert grey_image(data) is None


JPEG = cv2.imencode(".jpg", np.random.default_rng(1).integers(0, 255, (48, 64, 3), dtype=np.uint8))[1].tobytes()


@given(cuts=st.lists(st.tuples(st.integers(0, len(JPEG)), st.binary(max_size=8)), min_size=1, max_size=10))
@settings(deadline=None)
def test_a_damaged_jpeg_is_a_picture_or_nothing(cuts: list[tuple[int, bytes]]) -> None:
    damaged = bytearray(JPEG)
    for at, piece in cuts:
        damaged[at : at + len(piece)] = piece
    picture = grey_image(bytes(damaged))
    if picture is not None:
        assert picture.ndim == 2
        decode_image(picture, Symbology)


@given(width=st.integers(1, 90), height=st.integers(1, 90), seed=st.integers(0, 10**6))
@settings(deadline=None)
def test_noise_of_any_size_is_survived(width: int, height: int, seed: int) -> None:
    data = random.Random(seed).randbytes(width * height)
    decode_image(np.frombuffer(data, np.uint8).reshape(height, width), Symbology)


# As a telephone shows it -----------------------------------------------------------------------------------


def on_a_telephone(picture: Grey, *, dark_mode: bool, glare: bool) -> Grey:
    """A code on a lit screen in a dim room, a little out of focus; light on dark in the telephone's dark mode; with a
    lamp mirrored in a corner of the screen."""
    larger = cv2.resize(picture, None, fx=1.5, fy=1.5, interpolation=cv2.INTER_AREA).astype(np.uint8)
    code = 255 - larger if dark_mode else larger
    height, width = code.shape
    screen = np.full((height + 160, width + 160), 0 if dark_mode else 255, np.uint8)
    screen[80 : 80 + height, 80 : 80 + width] = code
    seen = screen * 0.7 + 20
    if glare:
        spot = np.zeros_like(seen)
        cv2.circle(spot, (80 + width // 2, 70 + height), 18, 255, -1)  # at the lower edge of the code
        seen += cv2.GaussianBlur(spot, (0, 0), 9)
    noise = np.random.default_rng(3).normal(0, 3, seen.shape)
    blurred = np.asarray(cv2.GaussianBlur(seen, (0, 0), 0.8), np.float64)
    return np.clip(blurred + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("glare", [False, True])
@pytest.mark.parametrize("dark_mode", [False, True])
@pytest.mark.parametrize("symbology", [Symbology.QR, *LIBRARY])
def test_a_pass_on_a_telephone_is_read(symbology: Symbology, dark_mode: bool, glare: bool) -> None:
    picture, data = label(symbology)
    assert read(on_a_telephone(picture, dark_mode=dark_mode, glare=glare), (Symbology.QR, *LIBRARY)) == [
        (symbology, data)
    ]


@pytest.mark.parametrize("angle", [90, 180, 270])
@pytest.mark.parametrize("symbology", LIBRARY)
def test_a_library_card_may_be_held_at_any_right_angle(symbology: Symbology, angle: int) -> None:
    picture, data = label(symbology)
    assert read(np.rot90(picture, angle // 90).copy(), LIBRARY) == [(symbology, data)]


def test_a_code_says_where_it_is() -> None:
    picture, _ = label(Symbology.QR)
    framed = np.full((400, 500), 255, np.uint8)
    framed[100 : 100 + picture.shape[0], 200 : 200 + picture.shape[1]] = picture
    (found,) = decode_image(framed)
    assert len(found.corners) == 4
    assert all(200 <= x < 200 + picture.shape[1] and 100 <= y < 100 + picture.shape[0] for x, y in found.corners)


# What somebody may hold up on purpose ----------------------------------------------------------------------


def finder_patterns() -> Grey:
    finder = np.full((9, 9), 255, np.uint8)
    finder[1:8, 1:8], finder[2:7, 2:7], finder[3:6, 3:6] = 0, 255, 0
    return np.tile(np.kron(finder, np.ones((2, 2), np.uint8)), (40, 70))


def two_hundred_codes() -> Grey:
    small = [np.pad(grey_of(qr_png(str(number).encode())), 4, constant_values=255) for number in range(200)]
    side = max(len(one) for one in small)
    half = (side // 2, side // 2)
    small = [cv2.resize(one, half, interpolation=cv2.INTER_AREA).astype(np.uint8) for one in small]
    return np.vstack([np.hstack(small[row : row + 20]) for row in range(0, 200, 20)])


def bars_without_an_end() -> Grey:
    return np.tile(np.array([[0, 0, 0, 255, 255, 255]], np.uint8), (720, 213))


def modules_by_chance() -> Grey:
    dice = np.random.default_rng(1)
    return np.kron(dice.integers(0, 2, (240, 426)).astype(np.uint8) * 255, np.ones((3, 3), np.uint8))


def grey_of(image: bytes) -> Grey:
    grey = grey_image(image)
    assert grey is not None
    return grey


@pytest.mark.parametrize(
    "drawn",
    [finder_patterns, two_hundred_codes, bars_without_an_end, modules_by_chance],
    ids=lambda make: make.__name__,
)
def test_no_picture_holds_the_driver_up(drawn: Callable[[], Grey]) -> None:
    """Measured: 85 ms at most. The bound is what the gateway's patience with a silent driver leaves, by far."""
    picture = drawn()
    begin = time.process_time()
    found = decode_image(picture, Symbology)
    assert time.process_time() - begin < 5
    assert len(found) <= 255


def test_a_picture_of_too_many_pixels_is_not_decoded() -> None:
    """A JPEG of 65,000 x 65,000 pixels in its header would take 4 GB."""
    at = JPEG.index(b"\xff\xc0")
    huge = JPEG[: at + 5] + (65_000).to_bytes(2, "big") * 2 + JPEG[at + 9 :]
    assert grey_image(huge) is None


# ZBar ------------------------------------------------------------------------------------------------------


def test_zbar_reads_text_when_it_is_asked_for() -> None:
    require_library("libzbar.so.0", "libzbar0")
    zbar = decoder(DecoderName.ZBAR)
    for symbology in (Symbology.QR, Symbology.EAN_13, Symbology.CODE_128, Symbology.ITF):
        picture, data = label(symbology)
        assert [(code.symbology, code.data) for code in zbar(picture, [symbology])] == [(symbology, data)]
    assert zbar(label(Symbology.AZTEC)[0], [Symbology.AZTEC]) == []


def test_zbar_is_imported_only_when_it_is_asked_for() -> None:
    program = (
        "import sys; from drivers.camera.decode import *; decoder(DecoderName.ZXING); print('pyzbar' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "False\n"
