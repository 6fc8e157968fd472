"""Relay boards on Modbus RTU, whose pulses the board itself ends, or relays on GPIO lines, and inputs of either."""
