"""Reads, lists, writes, imports and exports the records of resources."""
