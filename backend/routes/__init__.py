"""The HTTP API, one file per noun: its blueprint, schemas and views."""
