"""Computed fields: the language of their expressions. Start at compiling.py, which turns one into SQL."""
