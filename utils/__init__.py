"""Plumbing that the lessons share: runtime, data, batches, plotting, results.

What a lesson is about stands in its notebook, never in here.
"""
