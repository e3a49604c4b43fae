"""Connections: how requests are received and responses sent, with subclasses of waitress."""
