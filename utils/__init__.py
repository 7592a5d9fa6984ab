"""Plumbing that the lessons share: runtime, data, batches, splits, plotting, results, and more.

What a lesson teaches is in its notebook, never in here.
"""
