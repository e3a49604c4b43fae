"""What runs beside and below the requests: migrations, jobs, metrics, reports of errors, repeated requests."""
