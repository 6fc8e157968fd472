"""`python -m drivers.pcsc`: the driver's process."""

from drivers.pcsc.driver import PcscDriver
from drivers.runner import run

if __name__ == "__main__":
    run(PcscDriver)
