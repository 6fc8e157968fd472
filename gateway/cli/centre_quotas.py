"""`smartplace centre fence` and `reconcile`: what an officer does about quotas when a box or its card is not to be
trusted. Both go to the store itself; whether a worker runs does not matter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gateway.cli.centre_commands import a_gateway, checked
from gateway.cli.centre_store import looking, opened, store_options
from gateway.cli.common import as_json
from gateway.cli.confirm import confirm
from gateway.cli.exits import Exit
from gateway.cli.output import Cell, document, patience, table, talk
from gateway.wire.contents import Code
from gateway.wire.quota import PeriodName

if TYPE_CHECKING:
    from gateway.centre.quota_reconcile import Difference

a_key = checked(Code, "a quota's key, as rules name it")
a_period = checked(PeriodName, "a period's name, such as 2026-11-26, 2026-W48, 2026-11, 2026 or ever")


@click.command()
@click.argument("gateway", callback=a_gateway)
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
@store_options
def fence(gateway: str, yes: bool, as_json: bool, **where: Any) -> None:
    """Count all that GATEWAY holds of quotas as used up: its box was stolen, or its card copied. It cannot be undone.

    From this moment on nothing that it says of these leases changes anything. It is told by a worker's next beat, or
    when it comes back, and begins anew then; its account at the broker is what shuts a box out.
    """
    with patience("reaching the store"), looking(**where) as db:
        from gateway.centre.heard import is_online

        online = is_online(db, gateway)
    if not yes:
        confirm(f"Count all that {gateway} holds of quotas as used up, for good?")
    with patience("writing to the store"), opened(**where) as store:
        life = store.fence(gateway)
    if as_json:
        document(gateway=gateway, life=life, online=online)
        return
    click.echo(f"{gateway} is fenced: what it held until now counts as used up, its life {life} begins")
    talk("it is told with a worker's next beat" if online else "it is offline: it is told when it comes back")


@click.command()
@click.argument("key", callback=a_key)
@click.argument("period", callback=a_period)
@as_json
@store_options
def reconcile(key: str, period: str, as_json: bool, **where: Any) -> None:
    """Hold receipts against leases: what of the quota KEY in PERIOD (such as 2026-11) does not come out.

    Each difference is kept as an alarm, too. Exit code 0 when nothing differs, 1 when more was used than the centre can
    know of, 8 when only receipts are missing, long after the period's end, 4 when there is nothing to compare: nobody
    has leased or used any of it.
    """
    import msgspec

    with patience("reading all receipts of the store"):
        with looking(**where) as db:
            from gateway.centre.quota_seen import is_leased

            leased = is_leased(db, key, period)
        with opened(**where) as store:
            found = store.reconcile(key, period)
    if as_json:
        rows = [msgspec.to_builtins(one) | {"alarming": one.alarming, "means": meaning(one)} for one in found]
        document(key=key, period=period, leased=leased, differences=rows)
    elif found:
        lines: list[list[Cell]] = [["gateway", "holder", "used", "known", "open", "fenced", "erased", "means"]]
        for one in found:
            numbers = [str(number) for number in (one.used, one.known, one.open, one.fenced, one.erased)]
            said: Cell = (meaning(one), "red" if one.alarming else "yellow")
            lines.append([one.gateway, one.subject or "everybody", *numbers, said])
        table(lines)
    elif leased:
        click.echo(f"nothing differs: what receipts say of {key} in {period} is what the centre knows")
    else:
        click.echo(f"nothing to compare: no gateway has leased or used any of {key} in {period}")
    if not leased:
        talk("no gateway has leased any of it: `smartplace centre quotas` lists the keys and periods that there are")
    if not leased and not found:
        raise SystemExit(Exit.NOT_FOUND)
    if any(one.alarming for one in found):
        raise SystemExit(Exit.FAILED)
    if found:
        raise SystemExit(Exit.WARNINGS)


def meaning(one: Difference) -> str:
    """What a difference means, for people."""
    if not one.alarming:
        return "receipts are missing: fewer units in them than the centre knows of"
    if one.open:
        return "more was used than the centre knows of; open leases: perhaps not told yet"
    return "more was used than the centre knows of"
