"""`python -m drivers.simulators.printer`: a simulated printer as a program, steered as `control` describes it."""

from __future__ import annotations

import argparse
import codecs
from datetime import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from drivers.simulators import control
from drivers.simulators.fiscal_families import FAMILIES
from drivers.simulators.fiscal_paper import Document, Paper
from drivers.simulators.printer import Simulator

EXIT_CANNOT = 3
"""The port or the journal cannot be had."""


def fault_of(text: str) -> dict[str, Any]:
    """`drop_answer:on=close,times=2` as the fields of a `Fault`. Raises `ValueError`."""
    kind, _, rest = text.partition(":")
    fields: dict[str, Any] = {"kind": kind}
    for pair in filter(None, rest.split(",")):
        name, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"{pair}: KEY=VALUE, such as on=close")
        fields[name] = value == "true" if value in ("true", "false") else int(value) if value.isdigit() else value
    return fields


def main() -> None:
    parser = argparse.ArgumentParser(description="A simulated fiscal printer on a pty or a TCP port")
    parser.add_argument("--family", choices=FAMILIES, default="datecs-v1", help="what it speaks")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--link", type=Path, help="a pty with this stable name, a symbolic link")
    where.add_argument("--tcp", type=int, metavar="PORT", help="a TCP port of this machine; 0: one that is free")
    parser.add_argument("--journal", type=Path, help="text file that the paper goes to, read at the start")
    parser.add_argument("--line-ms", type=float, default=5.0, help="time that a printed line takes")
    parser.add_argument("--baud", type=int, default=0, help="bytes take their time, as at this speed; 0: none")
    parser.add_argument("--auto-z", type=_moment, metavar="HH:MM:SS", help="a Z report by itself at this time of day")
    parser.add_argument("--encoding", type=_code_page, help="code page of its firmware, by its Python name")
    parser.add_argument("--zone", type=_zone, metavar="NAME", help="zone of its clock; else this machine's")
    parser.add_argument("--fault", action="append", default=[], metavar="KIND[:KEY=VALUE,...]", help="arm a fault")
    arguments = parser.parse_args()
    printer = Simulator(
        arguments.link, family=arguments.family, tcp=arguments.tcp, paper=Paper(arguments.journal),
        line_ms=arguments.line_ms, baud=arguments.baud, auto_z=arguments.auto_z or "",
        encoding=arguments.encoding or "", zone=arguments.zone or "", on_document=_told,
    )  # fmt: skip
    try:
        for fault in arguments.fault:
            printer.fault(**fault_of(fault))
    except (ValueError, TypeError) as error:
        parser.error(f"--fault: {error}")
    try:
        printer.start()
    except OSError as error:
        where = error.filename or arguments.link or arguments.tcp
        parser.exit(EXIT_CANNOT, f"error: {error.strerror or error}: {where}\n")
    try:
        commands = (
            printer.journal, printer.fault, printer.faults, printer.refill, printer.paper, printer.recover,
            printer.cover, printer.power, printer.pull, printer.z, printer.clock, printer.lock, printer.state,
            printer.done,
        )  # fmt: skip
        control.serve(
            {"port": printer.port, "family": arguments.family}, {command.__name__: command for command in commands}
        )
    finally:
        printer.stop()


def _moment(text: str) -> str:
    try:
        time.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no time of day, such as 23:59:59") from error
    return text


def _code_page(text: str) -> str:
    try:
        return codecs.lookup(text).name
    except LookupError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _zone(text: str) -> str:
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(f"no such zone: {text!r}, write one such as Europe/Riga") from error


def _told(document: Document) -> None:
    control.emit("document", **msgspec.to_builtins(document))
