"""The paths that both the views and what surrounds them know."""

API = "/api/v1"
DOCUMENT_PATH = "/openapi.json"
DOCS_PATH = "/docs"
ACCOUNT_PATH = "/account/"
LIVENESS_PATH = "/health/live"  # answers without the database
