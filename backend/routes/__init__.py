"""One file per noun: blueprint, schemas, short views."""
