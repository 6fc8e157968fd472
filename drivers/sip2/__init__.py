"""The library's own system over SIP2: whether a library card counts there."""
