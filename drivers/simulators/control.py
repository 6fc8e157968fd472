"""How a simulator run as a program is steered: JSON lines, so that a person and a script can do it alike.

On stdout: first `{"ready": {...}}` (where to connect), then one line per command
(`{"ok": ...}` or `{"error": "..."}`) and one per event (`{"event": "...", ...}`).
On stdin: commands, `{"do": "place", "card": "alice"}`. The end of stdin ends the simulator.
"""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Command = Callable[..., Any]
_lock = threading.Lock()


def emit(event: str, **fields: Any) -> None:
    """Tell what has just happened at the simulated hardware (safe from any thread)."""
    _print({"event": event, **fields})


def serve(ready: Mapping[str, Any], commands: Mapping[str, Command]) -> None:
    """Announce `ready`, then carry out commands until stdin ends. Each `do` names a command; the other
    fields are its arguments. What it returns goes into `ok`; an error of value, type, key or system into
    `error`: no line that is typed ends a simulator."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    _print({"ready": dict(ready)})
    for line in sys.stdin:
        if line.strip():
            _print(_answer(line, commands))


def _answer(line: str, commands: Mapping[str, Command]) -> dict[str, Any]:
    try:
        request = json.loads(line)
        name = request.pop("do")
        command = commands[name]
    except (ValueError, AttributeError, TypeError, RecursionError):
        return {"error": 'a command is a JSON object such as {"do": "help"}'}
    except KeyError:
        return {"error": f"commands: {', '.join(sorted(commands))}"}
    try:
        done = {"ok": command(**request)}
        json.dumps(done)
        return done
    except (ValueError, TypeError, KeyError, OSError) as error:
        return {"error": f"{name}: {error}"}


def _print(message: Mapping[str, Any]) -> None:
    with _lock:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


def link(target: str, path: Path) -> None:
    """Give a pty a stable name, as udev would: `path` becomes a symbolic link to `target`, atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(path)
