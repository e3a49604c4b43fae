"""Who acts, and what their roles permit."""
