"""Checks of arguments, errors and files, shared by several rooms."""
