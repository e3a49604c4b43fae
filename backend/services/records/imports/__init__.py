"""Imports: reading files, their columns, checking rows, writing them."""
