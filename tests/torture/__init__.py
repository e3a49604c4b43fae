"""Faults under load, one after the other: `make torture` shows that Larder keeps its promises in each of them."""
