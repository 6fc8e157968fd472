"""The group `tools`, which the gateway's CLI mounts as `smartplace tools`."""

from __future__ import annotations

import click

from smartplace_tools.labels.command import labels


@click.group()
def tools() -> None:
    """Field tools: labels."""


tools.add_command(labels)
