"""Quotas: what is leased here, what was used of it, and what the centre's authority is owed (docs/quotas.md)."""
