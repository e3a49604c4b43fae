"""Numbered, append-only migrations of the system tables."""
