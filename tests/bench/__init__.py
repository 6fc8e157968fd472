"""`make bench`: the project's figures, each measured beside its baseline in the same run (docs/benchmarks.md)."""
