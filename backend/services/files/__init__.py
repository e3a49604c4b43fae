"""Uploaded files: stored, attached to fields of records, removed."""
