"""The durable record: what it has told as stored survives a power cut, in order, in a chain."""
