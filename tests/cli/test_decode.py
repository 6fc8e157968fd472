"""`driver decode`: what the camera's chain reads in pictures of labels."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np
import segno
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from drivers.camera.decode import decode_image, decoder
from drivers.camera.options import DecoderName, Symbology
from drivers.camera.pictures import content, picture
from gateway.cli.main import cli
from tests.cli.conftest import smartplace
from tests.support.programs import require_library

HOSTILE = b"\x1b]0;owned\x07\x1b[2J; rm -rf / $(reboot) \r\n"


def label(folder: Path, name: str, payload: str | bytes) -> Path:
    file = folder / name
    segno.make(payload, micro=False, mode="byte" if isinstance(payload, bytes) else None).save(str(file), scale=4)
    return file


def decoded(*args: str | Path) -> tuple[int, str, str]:
    """Exit code, stdout, stderr; only the reader is a process of its own."""
    told = CliRunner().invoke(cli, ["driver", "decode", *map(str, args)])
    return told.exit_code, told.stdout, told.stderr


def test_each_picture_has_its_line_and_one_without_a_code_fails(tmp_path: Path) -> None:
    good = label(tmp_path, "good.png", "https://example.org/c/7F3A")
    empty = tmp_path / "empty.png"
    cv2.imwrite(str(empty), np.full((90, 120), 200, np.uint8))
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 no more")
    code, out, _ = decoded(good, empty, broken, tmp_path / "none.png", tmp_path)
    assert code == 1
    lines = out.splitlines()
    assert lines[0].startswith(f"{good}: qr https://example.org/c/7F3A (26 bytes, at ")
    assert lines[1].startswith(f"{empty}: nothing (120x90")
    assert "unreadable: it is no picture" in lines[2]
    assert "unreadable: No such file" in lines[3]
    assert "unreadable: Is a directory" in lines[4]


def test_several_codes_in_a_picture_each_have_a_line_and_a_place(tmp_path: Path) -> None:
    sides = [cv2.imread(str(label(tmp_path, f"{text}.png", text)), cv2.IMREAD_GRAYSCALE) for text in ("LEFT", "RIGHT")]
    both = tmp_path / "both.png"
    cv2.imwrite(str(both), np.hstack([side for side in sides if side is not None]))
    code, out, _ = decoded("--json", both)
    assert code == 0
    (told,) = json.loads(out)["pictures"]
    assert [one["text"] for one in told["codes"]] == ["LEFT", "RIGHT"]
    left, right = (one["corners"][0][0] for one in told["codes"])
    assert left < told["size"][0] / 2 < right


def test_what_a_code_holds_is_never_obeyed_and_what_the_driver_refuses_is_said(tmp_path: Path) -> None:
    code, out, _ = decoded(label(tmp_path, "bad.png", HOSTILE), label(tmp_path, "long.png", "x" * 2200))
    assert code == 0
    bad, long = out.splitlines()
    assert f"hex {HOSTILE.hex()}" in bad
    assert bad.isprintable()
    assert "REFUSED: the camera driver refuses more than 2048 bytes" in long


@given(data=st.binary(max_size=60) | st.text(max_size=30).map(str.encode))
def test_whatever_a_code_holds_is_shown_whole_and_in_letters_only(data: bytes) -> None:
    told = content(data)
    ((kind, shown),) = told.items()
    assert shown.isprintable()
    assert (shown.encode() if kind == "text" else bytes.fromhex(shown)) == data


def test_a_name_of_a_file_is_no_option_and_no_escape(tmp_path: Path) -> None:
    file = label(tmp_path, "good.png", "PASS-42")
    odd = tmp_path / "--format=\x1b[2J.png"
    os.rename(file, odd)
    # As a shell's glob hands it over.
    told = smartplace("driver", "decode", "--", odd)
    assert told.returncode == 0, told.stderr
    assert told.stdout.strip().isprintable()


def test_only_the_formats_asked_for(tmp_path: Path) -> None:
    file = label(tmp_path, "good.png", "PASS-42")
    assert decoded("--format", "ean-13", file)[0] == 1
    code, _, err = decoded("--format", "ean", file)
    assert code == 2
    assert "ean-13" in err


def test_what_would_take_all_memory_or_all_time_is_not_read(tmp_path: Path) -> None:
    huge = tmp_path / "huge.png"
    with huge.open("wb") as file:
        file.truncate(1 << 40)
    assert "larger than 64 MB" in picture(huge, decode_image, [Symbology.QR])["problem"]
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    assert "it is no file" in picture(pipe, decode_image, [Symbology.QR])["problem"]


def test_zbar_is_there_to_compare(tmp_path: Path) -> None:
    require_library("libzbar.so.0", "libzbar0")
    assert ": qr PASS-42 (7 bytes" in decoded("--decoder", "zbar", label(tmp_path, "good.png", "PASS-42"))[1]


def test_it_is_the_chain_of_the_driver(tmp_path: Path) -> None:
    assert decoder(DecoderName.ZXING) is decode_image
    told = picture(label(tmp_path, "good.png", "PASS-42"), decode_image, [Symbology.QR])
    assert [code["text"] for code in told["codes"]] == ["PASS-42"]


def test_what_is_not_installed_is_named(tmp_path: Path) -> None:
    module = "zxingcpp"
    file = label(tmp_path, "good.png", "PASS-42")
    (tmp_path / f"{module}.py").write_text(f"raise ModuleNotFoundError('no', name='{module}')\n")
    told = smartplace("driver", "decode", file, PYTHONPATH=f"{tmp_path}:{Path(__file__).parents[2]}")
    assert told.returncode == 9
    assert f"the Python package {module} is not installed" in told.stderr
    assert "smartplace-gateway[camera]" in told.stderr


def test_a_picture_that_brings_the_reader_down_is_named(tmp_path: Path) -> None:
    file = label(tmp_path, "good.png", "PASS-42")
    (tmp_path / "zxingcpp.py").write_text("import os\nos._exit(3)\n")
    told = smartplace("driver", "decode", file, PYTHONPATH=f"{tmp_path}:{Path(__file__).parents[2]}")
    assert told.returncode == 1
    assert f"the reader ended at {file}" in told.stderr
