"""The state of the service: the readiness probe, the checks of `flask doctor`, and the metrics for Prometheus."""
