"""Backups: made, kept, copied elsewhere, restored."""
