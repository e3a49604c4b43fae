"""Results as tables in Markdown."""

from benchmarks.comparison.targets import MIXED_P99_MS, compare, losses

OURS = {"larder-sqlite": ["pocketbase", "fastapi"], "larder-postgres": ["postgrest"]}


def page(results):
    """Return all tables of the results."""
    parts = (f"## {table.__doc__.rstrip('.')}\n\n{table(results)}" for table in TABLES.values())
    return f"# Measured at {results['commit']} on {results['date']}\n\n" + "\n\n".join(parts)


def lost(results):
    """Where Larder is slower."""
    titles, names = _titles(results), {each["name"]: each["title"] for each in results["operations"]}
    rows = [
        f"| {titles[ours]} | {names[operation]} | {titles[other]} | {ratio:.2f} |"
        for ours, others in OURS.items()
        for ratio, operation, other in losses(results["measured"], ours, others)
    ]
    head = "| | operation | compared with | ratio of requests/s |\n|---|---|---|---|"
    return "\n".join([head, *rows]) if rows else "Nowhere in this run."


def rates(results):
    """Requests per second."""
    return _table(results, _rate)


def times(results):
    """Time of a response in ms: median, 99th percentile."""
    return _table(results, lambda run: f"{run['p50_ms']:.1f}, {run['p99_ms']:.0f}")


def cpu(results):
    """CPU time per request in microseconds, with the database."""
    return _table(results, lambda run: f"{run['cpu_us']:,.0f}")


def _table(results, cell):
    titles, measured = _titles(results), results["measured"]
    lines = [f"| | {' | '.join(titles.values())} |", "|---" * (len(titles) + 1) + "|"]
    for operation in results["operations"]:
        runs = [measured[name].get(operation["name"]) for name in titles]
        if any(runs):
            cells = [cell(run) if run else "" for run in runs]
            lines.append(f"| {operation['title']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _rate(run):
    rate = run["requests_per_second"]
    text = f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"
    return f"{text} ({run['errors']} errors)" if run["errors"] else text


def memory(results):
    """Memory of the server's processes in MB, without Postgres."""
    titles, measured = _titles(results), results["measured"]
    cells = [f"{max(run['rss_mb'] for run in measured[name].values()):.0f}" for name in titles]
    return f"| {' | '.join(titles.values())} |\n{'|---' * len(titles)}|\n| {' | '.join(cells)} |"


def targets(results):
    """Targets."""
    titles, names = _titles(results), {each["name"]: each["title"] for each in results["operations"]}
    lines = ["| | of | | ratio | target | |", "|---|---|---|---|---|---|"]
    for server, reference, operation, ratio, target in compare(results["measured"]):
        met = "met" if ratio >= target else "missed"
        lines.append(
            f"| {titles[server]} | {titles[reference]} | {names[operation]} | {ratio:.2f} | {target} | {met} |"
        )
    for server in OURS:
        if mixed := results["measured"].get(server, {}).get("mixed"):
            met = "met" if mixed["p99_ms"] < MIXED_P99_MS and not mixed["errors"] else "missed"
            p99 = f"{mixed['p99_ms']:.0f} ms, {mixed['errors']} errors"
            lines.append(f"| {titles[server]} | | p99 of the mixed load | {p99} | {MIXED_P99_MS} ms, none | {met} |")
    return "\n".join(lines)


def machine(results):
    """Machine and versions."""
    rows = [f"| {name} | {value} |" for name, value in results["machine"].items()]
    for server in results["servers"].values():
        remarks = "; ".join(filter(None, (server["versions"], server["remarks"])))
        rows += [f"| {server['title']} | {remarks} |"] if remarks else []
    rows.append(f"| measured | at {results['commit']} on {results['date']} |")
    rows.append(f"| run | {results['rounds']} rounds of {results['seconds']} s for each number; medians |")
    return "\n".join(["| | |", "|---|---|", *rows])


def _titles(results):
    return {name: server["title"] for name, server in results["servers"].items()}


TABLES = {
    "lost": lost,
    "rates": rates,
    "times": times,
    "cpu": cpu,
    "memory": memory,
    "targets": targets,
    "machine": machine,
}
