"""`python -m drivers.osdp`: the driver's process."""

from drivers.osdp.driver import OsdpDriver
from drivers.runner import run

if __name__ == "__main__":
    run(OsdpDriver)
