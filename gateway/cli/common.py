"""Options that many verbs share, and how the daemon is found: only `gateway.state` of the configuration is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.cli.client import Client
from gateway.cli.exits import NotAllowed
from gateway.model.errors import ConfigurationError

F = TypeVar("F", bound=Callable[..., Any])

CONFIG = Path("/etc/smartplace/gateway.toml")
SOCKET = "api.sock"
LEDGER = "ledger.db"

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout (docs/cli.md).")

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="SMARTPLACE_CONFIG",
    default=CONFIG,
    show_default=True,
    show_envvar=True,
    help="The gateway's configuration.",
)

socket_option = click.option(
    "--socket", type=click.Path(path_type=Path), help="The daemon's socket, instead of the configured one."
)


def daemon_options(command: F) -> F:
    """`--config` and `--socket`, for verbs that ask the daemon."""
    return config_option(socket_option(command))


def client(config: Path, socket: Path | None) -> Client:
    """The way to the daemon. Raises `ConfigurationError` or `NotAllowed`."""
    return Client(socket if socket is not None else state_folder(config) / SOCKET)


def state_folder(config: Path) -> Path:
    """The state folder that this configuration names; nothing else of it is looked at."""
    import tomllib

    try:
        data = tomllib.loads(config.read_text(encoding="utf-8"))
    except PermissionError as error:
        raise NotAllowed("may not be read by this user", "Use sudo", where=str(config)) from error
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigurationError(what, "Name the file with --config", where=str(config)) from error
    section = data.get("gateway")
    state = section.get("state") if isinstance(section, dict) else None
    if not isinstance(state, str) or not state:
        raise ConfigurationError("gateway.state is missing", "Check it: smartplace config check", where=str(config))
    return (config.parent / state).resolve()
