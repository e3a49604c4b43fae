"""What was measured, as text, JSON and Markdown."""


def line(run):
    """Return one measurement as a line."""
    return (
        f"{run['requests_per_second']:9.0f} requests/s  p50 {run['p50_ms']:7.1f} ms  p99 {run['p99_ms']:7.1f} ms  "
        f"CPU {run['cpu_us']:7.0f} us  RSS {run['rss_mb']:5.0f} MB  {run['errors']} errors"
    )


def write(medians, servers, arguments):
    """Print the medians."""
    for (name, operation), median in medians.items():
        print(f"{name:18}{operation:20}{line(median)}")
