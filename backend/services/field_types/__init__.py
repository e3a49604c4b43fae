"""One file per field type, each answering the same questions."""
