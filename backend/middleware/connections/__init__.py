"""Connections: how requests come in and answers go out, as subclasses of waitress's parts."""
