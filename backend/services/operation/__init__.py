"""What runs beside the requests: migrations, background jobs, clean-up, metrics, error tracking, idempotency."""
