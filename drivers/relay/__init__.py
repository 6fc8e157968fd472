"""Relay boards on Modbus RTU: pulses that the board itself ends, and inputs that tell who passed."""
