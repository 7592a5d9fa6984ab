"""Run a submission's cells and judge its answers."""
