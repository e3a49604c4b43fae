"""Webhooks: changes of records, sent to other programs over HTTP."""
