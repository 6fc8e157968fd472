"""The simulated printer as a child process: what it prints goes to stdout, what is typed goes to it."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import IO, Any

import click

from gateway.cli.exits import Exit
from gateway.cli.lazy import one_line
from gateway.cli.output import line, talk
from gateway.model.errors import GatewayError

MODULE = "drivers.simulators.printer"
END_S = 5.0
"""From the end of its input to the end by force."""
EXIT_USAGE = 2
"""Of the child: it has said what is wrong."""


def run(argv: Sequence[str], *, as_json: bool) -> Exit:
    """Until it ends. Ctrl-C raises `KeyboardInterrupt`, once it has ended. Raises `UsageError` for what the simulator
    does not take, `GatewayError` when it ends otherwise."""
    process = subprocess.Popen(
        [sys.executable, "-m", MODULE, *argv],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,  # Ctrl-C reaches us, not it.
    )
    stdin, stdout, stderr = _pipes(process)
    try:
        _Desk(stdin, stdout, as_json=as_json).run()
    finally:
        with contextlib.suppress(BrokenPipeError):
            stdin.close()
        try:
            code = process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
    said = stderr.read().decode("utf-8", "replace").strip().rpartition("error: ")[2]
    if code == EXIT_USAGE:
        raise click.UsageError(said)
    raise GatewayError(said or f"the simulator ended with {code}")


class _Desk:
    """Between a person (or a script) and the simulator."""

    def __init__(self, stdin: IO[bytes], stdout: IO[bytes], *, as_json: bool) -> None:
        self._stdin, self._stdout = stdin, stdout
        self._as_json = as_json
        self._held = {"told": b"", "typed": b""}

    def run(self) -> None:
        """Until the simulator ends. The end of what is typed ends nothing: it may run in the background."""
        with selectors.DefaultSelector() as ready:
            ready.register(self._stdout, selectors.EVENT_READ, "told")
            with contextlib.suppress(ValueError, OSError):  # a file or nothing at all cannot be waited on
                ready.register(sys.stdin.fileno(), selectors.EVENT_READ, "typed")
            while True:
                for key, _ in ready.select():
                    data = os.read(key.fd, 65536)
                    if data:
                        for text in self._lines(key.data, data):
                            (self._tell if key.data == "told" else self._order)(text)
                    elif key.data == "told":
                        return
                    else:
                        ready.unregister(key.fileobj)

    def _lines(self, which: str, data: bytes) -> Iterator[str]:
        *lines, self._held[which] = (self._held[which] + data).split(b"\n")
        return (text.decode("utf-8", "replace") for text in lines if text.strip())

    def _order(self, text: str) -> None:
        """Words as a person types them, or a JSON object as `--json` scripts do."""
        order = text if text.lstrip().startswith("{") else json.dumps(words(text))
        with contextlib.suppress(BrokenPipeError):
            self._stdin.write(order.encode("utf-8") + b"\n")

    def _tell(self, text: str) -> None:
        told = json.loads(text)
        if self._as_json:
            line(**told)
        elif "ready" in told:
            ready = told["ready"]
            talk(f"a simulated {ready['family']} printer is at {ready['port']}, until Ctrl-C")
        elif told.get("event") == "document":
            click.echo("\n".join(paper(told)))
        elif "error" in told:
            talk(told["error"])
        elif told["ok"] is not None:
            click.echo(json.dumps(told["ok"], ensure_ascii=False, indent=2))
        else:
            talk("done")


def words(text: str) -> dict[str, Any]:
    """`fault drop_answer on=close times=2` as a command. The first word behind `fault` may stand without `kind=`."""
    name, *rest = text.split()
    order: dict[str, Any] = {"do": name}
    for word in rest:
        key, equals, value = word.partition("=")
        if not equals:
            key, value = "kind", word
        order[key] = value == "true" if value in ("true", "false") else int(value) if _is_number(value) else value
    return order


def _is_number(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) < 16


def paper(document: dict[str, Any]) -> list[str]:
    """A document as it comes out of the printer."""
    state = "" if document["closed"] is True else f", {document['closed']}"
    head = f"---- {document['number']}  {document['kind']}{state}  {document['device_time'].replace('T', ' ')} ----"
    body = [f"  {one_line(text)}" for text in document["lines"]]
    vat = [f"  VAT {sums['letter']}  {_money(sums['gross'])}  of it {_money(sums['vat'])}" for sums in document["vat"]]
    return [head, *body, *vat, f"  TOTAL  {_money(document['total_cents'])}", ""]


def _money(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise RuntimeError("a simulator is spawned with pipes")
    return process.stdin, process.stdout, process.stderr
