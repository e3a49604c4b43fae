"""The path that all paths of the API begin with."""

API = "/api/v1"
