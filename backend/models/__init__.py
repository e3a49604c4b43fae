"""System tables, and the Peewee models that definitions turn into."""
