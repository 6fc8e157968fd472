"""`smartplace simulate`: simulated devices for whoever writes a program against them."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.common import as_json

FAMILIES = ("datecs-v1", "datecs-v1b", "datecs-v2", "tremol")


@click.group()
def simulate() -> None:
    """Simulated devices, for whoever writes a program against them and has none at hand."""


@simulate.command()
@click.option("--family", type=click.Choice(FAMILIES), default="datecs-v1", show_default=True, help="What it speaks.")
@click.option("--link", type=click.Path(path_type=Path), help="A serial port under this name, a symbolic link.")
@click.option("--tcp", type=click.IntRange(0, 65535), metavar="PORT", help="A TCP port of this machine; 0: a free one.")
@click.option(
    "--journal", type=click.Path(path_type=Path), help="Text file the paper goes to; it is read at the start."
)
@click.option("--line-ms", type=click.FloatRange(0), default=5.0, show_default=True, help="Time a printed line takes.")
@click.option("--baud", type=click.IntRange(0), default=0, help="Bytes take their time, as at this speed. 0: none.")
@click.option("--auto-z", metavar="HH:MM:SS", default="", help="A Z report by itself at this time of day.")
@click.option("--encoding", default="", help="Code page of its firmware, by its Python name.")
@click.option("--zone", metavar="NAME", default="", help="Zone of its clock, such as Europe/Riga; else this machine's.")
@click.option("--fault", "faults", metavar="KIND[:KEY=VALUE,...]", multiple=True, help="Arm a fault. Repeat it.")
@as_json
def printer(
    family: str,
    link: Path | None,
    tcp: int | None,
    journal: Path | None,
    line_ms: float,
    baud: int,
    auto_z: str,
    encoding: str,
    zone: str,
    faults: tuple[str, ...],
    as_json: bool,
) -> None:
    """A simulated fiscal printer on a serial port or a TCP port, until Ctrl-C; what it prints is shown.

    Without --link and --tcp it gets a serial port whose name is told. Its paper, cable and power, faults and more are
    at hand while it runs: type `refill`, `cover open=true`, `fault drop_answer on=close`, `z`, `journal`.
    """
    if link is not None and tcp is not None:
        raise click.UsageError("one of --link and --tcp")
    given = {"--link": link, "--tcp": tcp, "--journal": journal, "--auto-z": auto_z, "--encoding": encoding}
    given["--zone"] = zone
    argv = ["--family", family, "--line-ms", str(line_ms), "--baud", str(baud)]
    argv += [word for name, value in given.items() if value not in (None, "") for word in (name, str(value))]
    argv += [word for fault in faults for word in ("--fault", fault)]

    from gateway.cli.simulated_printer import run

    raise click.exceptions.Exit(run(argv, as_json=as_json))
