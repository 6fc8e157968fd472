"""`python -m drivers.wiegand`: the driver's process."""

from drivers.runner import run
from drivers.wiegand.driver import WiegandDriver

if __name__ == "__main__":
    run(WiegandDriver)
