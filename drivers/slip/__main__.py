"""`python -m drivers.slip`: the driver's process."""

from drivers.runner import run
from drivers.slip.driver import SlipDriver

if __name__ == "__main__":
    run(SlipDriver)
