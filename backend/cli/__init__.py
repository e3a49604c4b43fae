"""The commands of `flask`, one file per noun."""
