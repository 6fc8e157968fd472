"""The gateway's end of the wire: link to the broker, lanes of entries up, acks and bundles down."""
