"""Larder side by side with bare servers and other backends, under load: `make bench`."""
