"""Plumbing that the lessons share: runtime, data, batches, splits, plotting, results, and more.

What a lesson is about stands in its notebook, never in here.
"""
