"""The command `smartplace`. Importing this imports click and nothing heavy."""

from __future__ import annotations

import click

from gateway import __version__
from gateway.cli.lazy import Root, Verb

VERBS = {
    "status": Verb("gateway.cli.status:status", "How the gateway is: stations, devices, record, centre."),
    "doctor": Verb("gateway.cli.doctor:doctor", "Check the machine and the configuration; say what to do."),
    "taps": Verb("gateway.cli.taps:taps", "Follow what stations show, live; card ids masked."),
    "inside": Verb("gateway.cli.inside:inside", "How many persons are inside; set it when staff has counted."),
    "till": Verb("gateway.cli.till:till", "A till's day; its printer: works in doubt, X and Z reports, cash."),
    "devices": Verb("gateway.cli.devices:devices", "Devices and their health; restart one."),
    "driver": Verb("gateway.cli.driver:driver", "Run a driver by hand and watch it; list the drivers."),
    "rules": Verb("gateway.cli.rules:rules", "Try rules, test, check and compare them; keep them in a spreadsheet."),
    "bundle": Verb(
        "gateway.cli.bundle:bundle", "Build, sign, verify and apply bundles; see and undo what is in force."
    ),
    "pass": Verb("gateway.cli.passes:passes", "Make keys, issue and verify signed passes; for tests and small cities."),
    "quota": Verb("gateway.cli.quota:quota", "A box that is replaced: what it holds goes to the new one."),
    "ledger": Verb("gateway.cli.ledger:ledger", "Verify the durable record; say what it holds."),
    "config": Verb("gateway.cli.config:config", "Check a configuration; show it with where each value is from."),
    "centre": Verb("gateway.cli.centre:centre", "The city's end: run a worker, ask its store."),
    "run": Verb("gateway.cli.run:run", "Run the gateway (systemd does this)."),
    "demo": Verb("gateway.cli.demo:demo", "A whole smart place on this machine, with simulated hardware."),
    "simulate": Verb("gateway.cli.simulate:simulate", "Simulated devices for whoever writes a program against them."),
    "tools": Verb(
        "smartplace_tools.main:tools",
        "Field tools: labels (package smartplace-tools).",
        "Install it from the source tree into the same environment: pip install ./firmware-tools",
    ),
    "version": Verb("gateway.cli.version:version", "Versions of the program and of what it rests on."),
}

EPILOG = """\b
Examples:
  smartplace status
  smartplace taps --station gate-1 --count 1 --timeout 30
  smartplace driver run nfc --option port=/dev/ttyUSB0
  smartplace rules evaluate --rules rules.json --receipt receipt.json

Data goes to stdout, talk to stderr. Exit codes and all options: docs/cli.md."""


@click.group(cls=Root, verbs=VERBS, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def cli() -> None:
    """Smart Place Gateway: identifies people, grants exact benefits, works offline, loses nothing."""


def main() -> None:
    """Entry point of the program."""
    cli(prog_name="smartplace")
