"""`python -m drivers.nfc`: the driver's process."""

from drivers.nfc.driver import NfcDriver
from drivers.runner import run

if __name__ == "__main__":
    run(NfcDriver)
