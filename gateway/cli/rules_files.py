"""Files of rules: a document, or a folder whose documents are put together; and small files beside them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.exits import BadFile

if TYPE_CHECKING:
    from gateway.rules.document import RulesContent
    from gateway.rules.folder import Document

IN_FILE = click.Path(path_type=Path)


def read_parts(path: Path) -> list[tuple[str, bytes]]:
    """This file, or this folder's *.json in the order of their names (below it nothing is looked at, and a name that
    begins with a dot is none). Raises `BadFile`."""
    files = _files(path) if path.is_dir() else [path]
    if not files:
        raise BadFile("no *.json in this folder", "Give a rule document, or a folder of them", where=str(path))
    return [(str(file), read(file)) for file in files]


def read_document(path: Path) -> Document:
    """The rules in this file or folder as one document. Raises `BadFile`, with file and path where there are some."""
    from gateway.model.errors import InputRefused
    from gateway.rules.folder import put_together

    try:
        return put_together(read_parts(path))
    except InputRefused as refused:
        raise BadFile(refused.what, refused.advice, where=refused.where) from refused


def load_rules(path: Path) -> tuple[Document, RulesContent]:
    """The rules in this file or folder, decoded and checked. Raises `BadFile`."""
    from gateway.model.errors import InputRefused

    document = read_document(path)
    try:
        return document, document.load()
    except InputRefused as refused:
        where = refused.where if refused.where.startswith(document.files) else f"{path}: {refused.where}"
        raise BadFile(refused.what, refused.advice, where=where) from refused


def read(path: Path) -> bytes:
    """A file's bytes. Raises `BadFile`."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadFile(error.strerror or str(error), "Give a file that can be read", where=str(path)) from error


def write(path: Path, content: bytes, *, force: bool) -> None:
    """Whole or not at all: an officer must not publish half a file. What is there already is kept without `force`: it
    may be somebody's work. Raises `InputRefused`, `BadFile`."""
    from gateway.model.errors import InputRefused

    if not force and os.path.lexists(path):
        raise InputRefused("it is there already", "Give another name, or --force to overwrite it", where=str(path))
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise BadFile(f"cannot write: {error.strerror}", where=str(path)) from error


def _files(folder: Path) -> list[Path]:
    try:
        found = [file for file in folder.iterdir() if file.suffix == ".json" and not file.name.startswith(".")]
    except OSError as error:
        raise BadFile(error.strerror or str(error), "Give a folder that can be read", where=str(folder)) from error
    return sorted((file for file in found if file.is_file()), key=lambda file: file.name)
