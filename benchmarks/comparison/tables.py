"""Results as tables in Markdown."""

from benchmarks.comparison.targets import MIXED_P99_MS, compare, losses

OURS = {"larder-sqlite": ["pocketbase", "fastapi"], "larder-postgres": ["postgrest"]}


def page(results):
    """Return all tables of the results."""
    return "\n\n".join(
        [
            f"## Measured at {results['commit']} on {results['date']}",
            _lost(results),
            f"### Requests per second\n\n{_table(results, _rate)}",
            f"### Time of a response: median and 99th percentile, in ms\n\n{_table(results, _times)}",
            f"### CPU time per request, in µs, with the database\n\n{_table(results, _cpu)}",
            f"### Memory of the server's processes, in MB, without Postgres\n\n{_memory(results)}",
            f"### Targets\n\n{_targets(results)}",
            f"### Machine and versions\n\n{_machine(results)}",
        ]
    )


def _lost(results):
    titles, names = _titles(results), {each["name"]: each["title"] for each in results["operations"]}
    parts = []
    for ours, others in OURS.items():
        rows = [
            f"| {names[operation]} | {titles[other]} | {ratio:.2f} |"
            for ratio, operation, other in losses(results["measured"], ours, others)
        ]
        if rows:
            head = f"{titles[ours]}: slower in\n\n| operation | than | ratio of requests/s |\n|---|---|---|\n"
            parts.append(head + "\n".join(rows))
    return "### Where Larder loses\n\n" + ("\n\n".join(parts) or "Nowhere in this run.")


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


def _times(run):
    return f"{run['p50_ms']:.1f}, {run['p99_ms']:.0f}"


def _cpu(run):
    return f"{run['cpu_us']:,.0f}"


def _memory(results):
    titles, measured = _titles(results), results["measured"]
    cells = [f"{max(run['rss_mb'] for run in measured[name].values()):.0f}" for name in titles]
    return f"| {' | '.join(titles.values())} |\n{'|---' * len(titles)}|\n| {' | '.join(cells)} |"


def _targets(results):
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


def _machine(results):
    rows = [f"| {name} | {value} |" for name, value in results["machine"].items()]
    for server in results["servers"].values():
        remarks = "; ".join(filter(None, (server["versions"], server["remarks"])))
        rows += [f"| {server['title']} | {remarks} |"] if remarks else []
    rows.append(f"| run | {results['rounds']} rounds of {results['seconds']} s for each number; medians |")
    return "\n".join(["| | |", "|---|---|", *rows])


def _titles(results):
    return {name: server["title"] for name, server in results["servers"].items()}
