"""The path that all paths of the API begin with, and that of streams of changes."""

API = "/api/v1"
STREAM_PATH = f"{API}/changes/stream"
