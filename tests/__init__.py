"""The tests: through HTTP first, on SQLite and on Postgres."""
