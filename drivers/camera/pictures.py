"""Codes in files of pictures, as the camera driver would read them: `python -m drivers.camera.pictures FILE...`.

For `smartplace driver decode`, which checks printed labels: a process of its own, so that a picture from anywhere costs
no more than this process. One JSON line a file, in order:

    {"file": "a.png", "size": [640, 480], "ms": 4.1,
     "codes": [{"symbology": "qr", "text": "PASS-42", "bytes": 7, "corners": [[10, 10], …]}]}
    {"file": "b.png", "problem": "it is no picture …"}

`ms` is decoding the picture and looking for codes. A payload is `text` where it is UTF-8 and printable, else `hex`; one
that the driver would refuse has `refused`.
"""

from __future__ import annotations

import argparse
import json
import os
import stat
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drivers.camera.decode import MAX_CODE_BYTES, Decoder, Found, decoder, grey_image
from drivers.camera.opencv import MAX_PIXELS, load
from drivers.camera.options import DecoderName, Symbology

MAX_FILE_BYTES = 64 << 20
"""A larger file is not read."""

EXIT_NOT_INSTALLED = 2


def picture(file: Path, decode: Decoder, formats: Sequence[Symbology]) -> dict[str, Any]:
    """What is in one file. Never raises for what the file is."""
    try:
        image = _read(file)
    except OSError as error:
        return {"file": str(file), "problem": error.strerror or str(error)}
    except ValueError as error:
        return {"file": str(file), "problem": str(error)}
    begin = time.perf_counter()
    grey = grey_image(image)
    if grey is None:
        problem = f"it is no picture that can be read, or one of more than {MAX_PIXELS} pixels"
        return {"file": str(file), "problem": problem}
    codes = decode(grey, formats)
    ms = (time.perf_counter() - begin) * 1000
    height, width = grey.shape
    told = [_told(code) for code in sorted(codes, key=lambda code: (code.corners, code.data))]
    return {"file": str(file), "size": [width, height], "ms": round(ms, 1), "codes": told}


def _told(code: Found) -> dict[str, Any]:
    told: dict[str, Any] = {"symbology": code.symbology.value, **content(code.data), "bytes": len(code.data)}
    told["corners"] = [list(corner) for corner in code.corners]
    if len(code.data) > MAX_CODE_BYTES:
        told["refused"] = f"the camera driver refuses more than {MAX_CODE_BYTES} bytes"
    return told


def content(data: bytes) -> dict[str, str]:
    """As text only what no terminal and no reader can take for anything else."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return {"hex": data.hex()}
    return {"text": text} if text.isprintable() else {"hex": data.hex()}


def _read(file: Path) -> bytes:
    """The bytes of a regular file. A pipe or a device is not opened to wait there for ever."""
    with open(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as opened:
        about = os.fstat(opened.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise ValueError("it is no file")
        if about.st_size > MAX_FILE_BYTES:
            raise ValueError(f"it is larger than {MAX_FILE_BYTES >> 20} MB")
        return opened.read(MAX_FILE_BYTES)


def main(argv: list[str] | None = None) -> int:
    """Exit code 2 with `{"missing": NAME}` when a package is not installed."""
    parser = argparse.ArgumentParser(prog="drivers.camera.pictures", description=__doc__)
    parser.add_argument("--format", dest="formats", action="append", type=Symbology, default=[])
    parser.add_argument("--decoder", type=DecoderName, default=DecoderName.ZXING)
    parser.add_argument("files", nargs="+", type=Path)
    given = parser.parse_args(argv)
    try:
        load(timeout_ms=1000)
        decode = decoder(given.decoder)
    except ImportError as error:
        print(json.dumps({"missing": error.name or "OpenCV"}), flush=True)
        return EXIT_NOT_INSTALLED
    for file in given.files:
        print(json.dumps(picture(file, decode, given.formats or list(Symbology))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
