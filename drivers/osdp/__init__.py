"""Access control readers on an RS-485 bus (OSDP with secure channel), and the outputs in them."""
