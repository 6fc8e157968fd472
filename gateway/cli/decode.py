"""`smartplace driver decode`: what the camera driver reads in pictures, for whoever checks printed labels."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from gateway.cli.common import as_json
from gateway.cli.exits import BadFile, Exit
from gateway.cli.lazy import one_line
from gateway.cli.output import document, talk

MODULE = "drivers.camera.pictures"
EXIT_NOT_INSTALLED = 2


@click.command("decode")
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--format", "formats", metavar="NAME", multiple=True, help="Look for this code only. Repeat it.")
@click.option("--decoder", type=click.Choice(["zxing", "zbar"]), default="zxing", show_default=True)
@as_json
def decode(images: tuple[Path, ...], formats: tuple[str, ...], decoder: str, as_json: bool) -> None:
    """Read the codes in pictures (JPEG, PNG, ...) as the camera driver does: all codes that it knows.

    For checking printed labels, so what a code holds is SHOWN: do not feed it other people's passes, and mind who sees
    your screen. Content is shown as text when it is printable, else in hex; it is never opened, followed or run.

    Exit code 1 when a picture holds no code or cannot be read.
    """
    if unknown := set(formats) - set(_known()):
        raise click.BadParameter(f"no {', '.join(sorted(unknown))}: {', '.join(_known())}", param_hint="--format")
    argv = ["--decoder", decoder, *(f"--format={name}" for name in formats), "--", *map(str, images)]
    told = []
    for picture in _pictures(argv):
        told.append(picture)
        if not as_json:
            _print(picture)
    if as_json:
        document(pictures=told)
    if len(told) != len(images):
        talk(f"error: the reader ended at {images[len(told)]}: that picture brings it down")
        raise click.exceptions.Exit(Exit.FAILED)
    if not all(picture.get("codes") for picture in told):
        raise click.exceptions.Exit(Exit.FAILED)


def _known() -> list[str]:
    from gateway.config.load import driver_options

    options = driver_options("camera")
    if options is None:
        raise RuntimeError("the camera driver has options")
    module = sys.modules[options.__module__]
    return [symbology.value for symbology in module.Symbology]


def _pictures(argv: list[str]) -> Iterator[dict[str, Any]]:
    """The program's lines, as they come. Raises `BadFile` when it cannot do it."""
    # stderr: image libraries write there of every damaged picture; ours come as lines.
    with subprocess.Popen(
        [sys.executable, "-m", MODULE, *argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        if process.stdout is None:
            raise RuntimeError("it is spawned with a pipe")
        for line in process.stdout:
            picture: dict[str, Any] = json.loads(line)
            if missing := picture.get("missing"):
                raise BadFile(
                    f"the Python package {missing} is not installed",
                    "Install the gateway with its camera part: smartplace-gateway[camera]; for --decoder zbar "
                    "smartplace-gateway[zbar] and the Debian package libzbar0",
                    code="not_installed",
                )
            yield picture


def _print(picture: dict[str, Any]) -> None:
    file = one_line(picture["file"])
    if problem := picture.get("problem"):
        click.echo(f"{file}: unreadable: {one_line(problem)}")
        return
    size = "x".join(map(str, picture["size"]))
    if not picture["codes"]:
        click.echo(f"{file}: nothing ({size}, {picture['ms']} ms)")
    for code in picture["codes"]:
        content = one_line(code["text"]) if "text" in code else f"hex {code['hex']}"
        corners = " ".join(f"{x},{y}" for x, y in code["corners"])
        refused = f" REFUSED: {code['refused']}" if "refused" in code else ""
        about = f"{code['bytes']} bytes, at {corners}, {picture['ms']} ms"
        click.echo(f"{file}: {code['symbology']} {content} ({about}){refused}")
