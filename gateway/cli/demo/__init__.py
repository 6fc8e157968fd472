"""`smartplace demo`: a morning at three smart places, everything real but the hardware."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command()
@click.option("--once", is_flag=True, help="End after the morning and its count.")
@click.option("--readers", is_flag=True, help="Instead of the morning: every reader, presented to, unplugged, healed.")
@click.option("--json", "as_json", is_flag=True, help="Print the count as one JSON object.")
@click.option(
    "--broker",
    type=click.Choice(["embedded", "mosquitto"]),
    default="embedded",
    show_default=True,
    help="The city's broker: amqtt inside Python, or Debian's mosquitto.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="Port of the pages; 0 for any free one.",
)
@click.option("--state", type=click.Path(path_type=Path, file_okay=False), help="Keep everything in this folder.")
@click.option("--gateway", "gateway_program", help="Program to run in the gateway's place (for tests).", hidden=True)
def demo(
    once: bool,
    readers: bool,
    as_json: bool,
    broker: str,
    port: int,
    state: Path | None,
    gateway_program: str | None,
) -> None:
    """Play a morning at a library desk, a museum gate and a shop till, and watch it in a browser.

    Needs no root and no device: readers, camera, relay and printer are simulated on the wire, everything behind
    them is the real thing. Exit code 1 when anything was lost or done twice, or did not work.

    With --readers a gate has every reader that there is a driver for: something is presented to each, it is pulled out
    and put back, and it is told how long that took. Exit code 1 also when this machine cannot simulate one of them.
    """
    if readers:
        from gateway.cli.demo.readers_stage import ReadersStage as Stage
    else:
        from gateway.cli.demo.stage import Stage  # type: ignore[assignment]

    stage = Stage(broker=broker, port=port, state=state, gateway_program=gateway_program)
    sys.exit(stage.play(once=once, as_json=as_json))
