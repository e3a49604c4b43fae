"""A line chart as SVG."""

from html import escape

WIDTH, HEIGHT, MARGIN = 720, 320, 48
COLOURS = ("#1f6feb", "#d1242f", "#2da44e", "#8250df", "#bf8700", "#57606a")


def line_chart(title, lines):
    """Return the SVG of a chart whose axes start at zero; `lines` maps names to lists of (x, y)."""
    points = [point for line in lines.values() for point in line]
    most_x, most_y = max(x for x, _ in points) or 1, max(y for _, y in points) * 1.1 or 1

    def place(x, y):
        return (
            MARGIN + x / most_x * (WIDTH - 2 * MARGIN),
            HEIGHT - MARGIN - y / most_y * (HEIGHT - 2 * MARGIN),
        )

    parts = [f'<text x="{WIDTH / 2}" y="20" text-anchor="middle" font-size="14">{escape(title)}</text>']
    for step in range(6):
        (left, y), (x, bottom) = place(0, most_y * step / 5), place(most_x * step / 5, 0)
        parts += [
            f'<line x1="{left}" y1="{y:.1f}" x2="{WIDTH - MARGIN}" y2="{y:.1f}" stroke="#ddd"/>',
            f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{most_y * step / 5:.4g}</text>',
            f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{most_x * step / 5:.3g}</text>',
        ]
    for number, (name, line) in enumerate(lines.items()):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in line))
        colour = COLOURS[number % len(COLOURS)]
        parts += [
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>',
            f'<text x="{MARGIN + 8 + 130 * number}" y="{HEIGHT - 8}" fill="{colour}">{escape(name)}</text>',
        ]
    parts.insert(0, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
    return "\n".join([f'{head} font-size="11">', *parts, "</svg>", ""])
