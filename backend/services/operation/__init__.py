"""Everything that surrounds requests: migrations, background jobs, clean-up, metrics, error tracking, idempotency."""
