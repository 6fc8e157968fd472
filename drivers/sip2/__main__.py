"""`python -m drivers.sip2`: the driver's process."""

from drivers.runner import run
from drivers.sip2.driver import Sip2Driver

if __name__ == "__main__":
    run(Sip2Driver)
