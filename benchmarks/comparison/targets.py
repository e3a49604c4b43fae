"""What is to be reached: ratios of requests per second, within one run."""

# Of a server, compared with a reference: for each operation the least ratio, and the operation of the reference.
RATIOS = [
    ("larder-sqlite", "flask", {"one": 1.0, "list20": 0.6, "list100": 0.4, "update": 0.35, "create": 0.35}, "one"),
    (
        "larder-sqlite",
        "pocketbase",
        {"one": 1.0, "list20": 3, "list100": 4, "filter20": 3, "update": 0.6, "create": 0.7},
        None,
    ),
    (
        "larder-postgres",
        "postgrest",
        {
            "one": 0.6,
            "list20_uncounted": 0.6,
            "list100_uncounted": 0.6,
            "filter20_uncounted": 0.7,
            "update": 0.5,
            "create": 0.45,
        },
        None,
    ),
]
MIXED_P99_MS = 60  # on a quiet machine


def compare(measured):
    """Return a tuple for each target that was measured: server, reference, operation, ratio, least ratio."""
    found = []
    for server, reference, least, fixed in RATIOS:
        for operation, target in least.items():
            ours, theirs = measured.get(server, {}).get(operation), measured.get(reference, {}).get(fixed or operation)
            if ours and theirs:
                found.append((server, reference, operation, _ratio(ours, theirs), target))
    return found


def losses(measured, ours, others):
    """Return a tuple for each operation that another server does faster than ours: ratio, operation, server.

    The worst loss comes first.
    """
    return sorted(
        (_ratio(mine, measured[other][operation]), operation, other)
        for operation, mine in measured.get(ours, {}).items()
        for other in others
        if operation in measured.get(other, {}) and _ratio(mine, measured[other][operation]) < 1
    )


def _ratio(ours, theirs):
    return ours["requests_per_second"] / max(theirs["requests_per_second"], 1e-9)
