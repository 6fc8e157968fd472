"""`python -m drivers.relay`: the relay driver on stdio."""

from drivers.relay.driver import RelayDriver
from drivers.runner import run

if __name__ == "__main__":
    run(RelayDriver)
