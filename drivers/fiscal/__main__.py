"""`python -m drivers.fiscal`: the driver on its stdio."""

from drivers.fiscal.driver import FiscalDriver
from drivers.runner import run

if __name__ == "__main__":
    run(FiscalDriver)
