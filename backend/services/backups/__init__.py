"""Backups: created, verified, restored, deleted, and copied to another place."""
