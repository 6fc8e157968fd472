"""The centre as one object: wiring only."""

from __future__ import annotations

from gateway.centre.intake import Intake
from gateway.centre.publisher import Publisher
from gateway.centre.query import Query
from gateway.centre.settings import Settings, store_password, trusted_keys
from gateway.centre.store import Store
from gateway.model.clock import Clock, SystemClock
from gateway.wire.commands import Act, Command


class Centre:
    """Takes in, answers and publishes from `start` to `stop`: one worker. `query` also reads without a start."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock
        self.query = Query(settings.store, store_password(settings))

    def start(self) -> None:
        """Open the store and begin to connect; does not wait for the broker. Raises `ConfigurationError`,
        `InputRefused` (a key) or `LedgerError` (the store)."""
        trusted = trusted_keys(self._settings)
        clock = self._clock if self._clock is not None else SystemClock()
        store = Store(
            self._settings.store, clock, store_password(self._settings), self._settings.client_id, self._settings.zone
        )
        store.open()
        self.store = store
        self.intake = Intake(self._settings, store)
        self.publisher = Publisher(self._settings.city, trusted, store, self.intake.shards.look_soon)
        try:
            self.intake.start()
        except BaseException:
            store.close()
            raise

    def command(self, command_id: str, gateway: str, act: Act, expires_ms: int = 0) -> Command:
        """Keep a command; it is sent with the next beat of whoever takes in this gateway's shard, again with each of
        its births, until it is answered or expired. Raises as `Store.keep`."""
        command = self.store.command(command_id, gateway, act, expires_ms)
        self.intake.shards.look_soon()
        return command

    def fence(self, gateway: str) -> int:
        """As `Store.fence`, and the gateway is told at once."""
        life = self.store.fence(gateway)
        self.intake.shards.look_soon()
        return life

    def stop(self) -> None:
        """Store and confirm what has come, leave the broker, give the shards back, close the store."""
        self.intake.stop()
        self.store.close()
