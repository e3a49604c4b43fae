"""Imports of records from CSV and NDJSON. Start at importing.py, which names the steps and their files."""
