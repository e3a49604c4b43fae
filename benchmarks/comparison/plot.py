"""A bar chart of requests per second, as SVG."""

from xml.sax.saxutils import escape

SHOWN = ("one", "list20", "list100", "filter20", "update", "create", "mixed")
COLORS = {
    "wsgi": "#c8c8c8",
    "flask": "#9a9a9a",
    "larder-sqlite": "#0b6e4f",
    "larder-postgres": "#58a67f",
    "pocketbase": "#c0632a",
    "postgrest": "#2f6db0",
    "fastapi": "#8a63b0",
}
WIDTH, LEFT, BAR, GAP = 860, 240, 15, 14
ROOM_FOR_NUMBER = 70


def draw(results):
    """Return the chart: one group for each operation of SHOWN, scaled to its fastest server."""
    measured, parts, y = results["measured"], [], 8
    for operation in results["operations"]:
        runs = [(name, runs[operation["name"]]) for name, runs in measured.items() if operation["name"] in runs]
        if operation["name"] not in SHOWN or not runs:
            continue
        parts.append(f'<text x="8" y="{y + 12}" class="title">{escape(operation["title"])}: requests/s</text>')
        y += 20
        fastest = max(run["requests_per_second"] for _, run in runs) or 1
        for name, run in runs:
            parts.append(
                _bar(
                    results["servers"][name]["title"],
                    COLORS[name.partition(":")[0]],
                    run["requests_per_second"],
                    fastest,
                    y,
                )
            )
            y += BAR + 2
        y += GAP
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}">'
    style = "<style>text{font:12px sans-serif;fill:#222}.title{font-weight:bold}</style>"
    paper = f'<rect width="{WIDTH}" height="{y}" fill="#fff"/>'
    return "\n".join([head, style, paper, *parts, "</svg>", ""])


def _bar(title, color, rate, fastest, y):
    width = (WIDTH - LEFT - ROOM_FOR_NUMBER) * rate / fastest
    return (
        f'<text x="{LEFT - 8}" y="{y + 12}" text-anchor="end">{escape(title)}</text>'
        f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{color}"/>'
        f'<text x="{LEFT + width + 6:.1f}" y="{y + 12}">{rate:,.0f}</text>'
    )
