"""Reads files of records: their encoding, their separators, their cells, and how their values are written."""
