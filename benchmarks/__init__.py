"""Measurements, always beside a peer and in one run. RESULTS.md holds what was measured where."""
