"""`python -m drivers.wedge`: the driver's process."""

from drivers.runner import run
from drivers.wedge.driver import WedgeDriver

if __name__ == "__main__":
    run(WedgeDriver)
