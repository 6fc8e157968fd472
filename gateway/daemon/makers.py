"""Parts of the gateway that need more than one value of the configuration to be made."""

from __future__ import annotations

from collections.abc import Callable

from gateway import __version__
from gateway.config.load import Loaded
from gateway.config.types import DeskStation, GateStation, GatewaySection, TillStation
from gateway.config.types import Station as StationSection
from gateway.devices.devices import Devices
from gateway.ledger.ledger import Ledger
from gateway.model.clock import SystemClock
from gateway.quota.quotas import Quotas
from gateway.stations.benefits import Profile
from gateway.stations.desk import Desk
from gateway.stations.gate import Gate
from gateway.stations.services import Services, Station
from gateway.stations.till import Till
from gateway.sync.backoff import Backoff
from gateway.sync.bundles import Bundles
from gateway.sync.epochs import Epochs
from gateway.sync.link import Broker, PahoLink
from gateway.sync.sync import Sync
from gateway.wire.topics import Topics


def profile_of(gateway: GatewaySection) -> Profile:
    """What decisions have to know of the place."""
    return Profile(
        gateway=gateway.id,
        place=gateway.place,
        time_zone=gateway.time_zone,
        languages=gateway.languages,
        merchant_groups=gateway.merchant_groups,
        cash_rounding_cents=gateway.cash_rounding_cents,
        vat_registered=gateway.vat_registered,
    )


def make_sync(
    loaded: Loaded,
    broker: Broker,
    ledger: Ledger,
    bundles: Bundles,
    quotas: Quotas,
    clock: SystemClock,
    on_fault: Callable[[BaseException], None],
) -> Sync:
    """The gateway's end of the wire."""
    configuration, epochs = loaded.configuration, Epochs(ledger)
    return Sync(
        PahoLink(broker),
        ledger,
        bundles,
        Topics(configuration.gateway.city, configuration.gateway.id),
        clock,
        version=__version__,
        window=configuration.sync.window,
        resend_s=configuration.sync.resend_s,
        backlog_per_s=configuration.sync.backlog_per_s,
        backoff=Backoff(configuration.sync.backoff_cap_s),
        older=epochs.older,
        new_epoch=epochs.ordered,
        on_behind=epochs.behind,
        quotas=quotas,
        on_fault=on_fault,
    )


def make_station(
    section: StationSection, services: Services, devices: Devices | None = None, staff: bytes | None = None
) -> Station:
    """The station of this kind. `devices`: for what only desks ask of them; `staff`: the token of a desk's staff."""
    print_slip = devices.print_slip if devices is not None else None
    match section:
        case DeskStation():
            ask, type_text = (devices.library_card, devices.type_text) if devices is not None else (None, None)
            return Desk(section, services, staff, ask, type_text, print_slip)
        case GateStation():
            return Gate(section, services)
        case TillStation():
            return Till(section, services, print_slip)
