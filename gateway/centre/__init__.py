"""The city's end of the wire, small but real: takes entries in once, answers with acks, publishes bundles.

Imports only `gateway.model`, `gateway.wire` and `gateway.rules`.
"""
