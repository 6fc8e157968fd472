"""`python -m drivers.scanner`: the driver's process."""

from drivers.runner import run
from drivers.scanner.driver import ScannerDriver

if __name__ == "__main__":
    run(ScannerDriver)
