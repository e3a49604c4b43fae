"""The HTTP API: one file per noun, with its blueprint, schemas and views. `toolkit` has what views are written with."""
