"""Codes out of pictures: right bytes, named formats only, and nothing else whatever the bytes are."""

from __future__ import annotations

import io
import random

import cv2
import numpy as np
import pytest
import segno
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drivers.camera.decode import decode_image, grey_image
from drivers.camera.options import Symbology

ZXING = {
    Symbology.QR: (zxingcpp.BarcodeFormat.QRCode, "PASS-42"),
    Symbology.DATA_MATRIX: (zxingcpp.BarcodeFormat.DataMatrix, "PASS-42"),
    Symbology.AZTEC: (zxingcpp.BarcodeFormat.Aztec, "PASS-42"),
    Symbology.CODE_128: (zxingcpp.BarcodeFormat.Code128, "PASS-42"),
    Symbology.CODE_39: (zxingcpp.BarcodeFormat.Code39, "PASS-42"),
    Symbology.CODABAR: (zxingcpp.BarcodeFormat.Codabar, "A40156B"),
    Symbology.EAN_13: (zxingcpp.BarcodeFormat.EAN13, "4006381333931"),
    Symbology.EAN_8: (zxingcpp.BarcodeFormat.EAN8, "96385074"),
}


def label(symbology: Symbology) -> tuple[NDArray[np.uint8], bytes]:
    """A printed code of this symbology, and what it holds."""
    member, text = ZXING[symbology]
    image = zxingcpp.write_barcode_to_image(zxingcpp.create_barcode(text, member), scale=4)
    return np.array(image), text.encode()


def qr_png(payload: bytes) -> bytes:
    file = io.BytesIO()
    segno.make(payload, error="m", micro=False, mode="byte").save(file, kind="png", scale=4)
    return file.getvalue()


@pytest.mark.parametrize("symbology", list(Symbology))
def test_each_symbology_is_read_under_its_own_name(symbology: Symbology) -> None:
    picture, data = label(symbology)
    assert decode_image(picture, [symbology]) == [(symbology, data)]


@pytest.mark.parametrize("symbology", list(Symbology))
def test_each_symbology_is_told_from_all_others(symbology: Symbology) -> None:
    picture, data = label(symbology)
    assert decode_image(picture, Symbology) == [(symbology, data)]


def test_what_is_not_asked_for_is_not_read() -> None:
    picture, _ = label(Symbology.EAN_13)
    assert decode_image(picture) == []


def test_two_codes_in_one_picture_are_both_read() -> None:
    pictures = [grey_image(qr_png(data)) for data in (b"LEFT", b"RIGHT")]
    both = np.hstack([picture for picture in pictures if picture is not None])
    assert sorted(data for _, data in decode_image(both)) == [b"LEFT", b"RIGHT"]


@given(payload=st.binary(min_size=1, max_size=300))
@settings(max_examples=50, deadline=None)
def test_any_payload_comes_out_as_it_went_in(payload: bytes) -> None:
    picture = grey_image(qr_png(payload))
    assert picture is not None
    assert decode_image(picture) == [(Symbology.QR, payload)]


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
