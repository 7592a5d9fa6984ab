"""Measurements, always beside a peer in the same run. RESULTS.md has the results."""
