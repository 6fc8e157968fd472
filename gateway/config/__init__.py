"""Loads, checks and explains the configuration."""
