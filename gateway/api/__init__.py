"""The local HTTP API and its pages. Only `gateway.api.api` and what it uses import aiohttp: it costs 300 ms on a PC."""
