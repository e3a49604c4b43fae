"""Pages of Larder, and scripts that call it, in a real browser."""
