"""`python -m drivers.ble`: the driver's process."""

from drivers.ble.driver import BleDriver
from drivers.runner import run

if __name__ == "__main__":
    run(BleDriver)
