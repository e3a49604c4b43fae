"""Measurements, each side by side with its reference in one run."""
