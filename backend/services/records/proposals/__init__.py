"""Proposes the definition of a resource, and the options of an import, from a file of records."""
