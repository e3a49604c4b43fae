"""Small pure functions, by subject."""
