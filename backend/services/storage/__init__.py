"""Reads and writes tables: the SQL of lists, pages, full-text search and history, for rows of any kind."""
