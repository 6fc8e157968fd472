"""The gateway daemon of a smart place. Knows no hardware: that is `drivers`."""

__version__ = "0.1.0"
