#!/usr/bin/env python3
"""plot.py - draws what scale.py measured: FOLDER/performance-updates.svg and performance-content.svg.

    plot.py FILE.json FOLDER
"""
import json
import math
import sys

WIDTH, HEIGHT, LEFT, TOP = 380, 250, 62, 46  # of one panel's axes, and its margins
PANEL = WIDTH + LEFT + 30
COLOURS = ("#1b6ca8", "#c2571a", "#2e7d32", "#7b3fa0", "#a3232f", "#5b5b5b")
STEPS = ("sync, month 1", "export, full", "verify, full", "import, full")
DELTAS = ("export, delta", "import, delta")


def nice(value):
    """The next of 1, 2, 5, 10, 20 ... that is not below value."""
    power = 10 ** math.floor(math.log10(value))
    return next(power * step for step in (1, 2, 5, 10) if power * step >= value * 0.999)


def number(value):
    return f"{value:g}" if value < 1000 else f"{value / 1000:g}k"


def panel(out, at, title, x_title, xs, lines, bound=None):
    """lines: {name: [y]}; x is logarithmic, y starts at nothing, so that a cost that grows is seen to."""
    x0, y0 = at * PANEL + LEFT, TOP + HEIGHT
    top = nice(max([y for ys in lines.values() for y in ys] + ([bound[1]] if bound else [])) * 1.02)
    low, high = math.log(min(xs)), math.log(max(xs))

    def px(x):
        return x0 + 16 + (WIDTH - 32) * ((math.log(x) - low) / (high - low) if high > low else 0.5)

    def py(y):
        return y0 - HEIGHT * y / top
    out.append(f'<text x="{x0}" y="{TOP - 18}" class="title">{title}</text>')
    for i in range(6):
        y = top * i / 5
        out.append(f'<path d="M{x0} {py(y):.1f}h{WIDTH}" class="grid"/><text x="{x0 - 6}" y="{py(y) + 4:.1f}" class="end">{number(round(y, 6))}</text>')
    for x in xs:
        out.append(f'<path d="M{px(x):.1f} {y0}v5" class="axis"/><text x="{px(x):.1f}" y="{y0 + 18}" class="middle">{number(x)}</text>')
    out.append(f'<path d="M{x0} {y0}h{WIDTH}" class="axis"/><text x="{x0 + WIDTH / 2}" y="{y0 + 36}" class="middle">{x_title}</text>')
    if bound:
        out.append(f'<path d="M{x0} {py(bound[1]):.1f}h{WIDTH}" class="bound"/><text x="{x0 + WIDTH}" y="{py(bound[1]) - 5:.1f}" class="end">{bound[0]}</text>')
    for i, (name, ys) in enumerate(lines.items()):
        colour = COLOURS[i % len(COLOURS)]
        points = " ".join(f"{px(x):.1f},{py(y):.1f}" for x, y in zip(xs, ys))
        out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{px(x):.1f}" cy="{py(y):.1f}" r="3" fill="{colour}"/>' for x, y in zip(xs, ys)]
        lx, ly = x0 + (i % 2) * 190, y0 + 58 + (i // 2) * 18
        out.append(f'<path d="M{lx} {ly - 4}h16" stroke="{colour}" stroke-width="3"/><text x="{lx + 21}" y="{ly}">{name}</text>')


def draw(path, panels):
    width, height = PANEL * len(panels), TOP + HEIGHT + 108
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
           '<style>text{font:12px sans-serif;fill:#222}.title{font-weight:bold;font-size:13px}.end{text-anchor:end}.middle{text-anchor:middle}'
           '.grid{stroke:#ddd}.axis{stroke:#222}.bound{stroke:#a3232f;stroke-dasharray:5 4}</style>',
           f'<rect width="{width}" height="{height}" fill="#fff"/>']
    for at, arguments in enumerate(panels):
        panel(out, at, *arguments)
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n</svg>\n")
    print(path)


def values(points, names, field, unit):
    """Only steps that every point has."""
    return {n: [p["steps"][n][field] / unit(p) for p in points] for n in names if all(n in p["steps"] for p in points)}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        points = [p for p in json.load(file)["points"] if "steps" in p]
    for growth, unit, per, x_title, names in (
            ("updates", lambda p: p["updates"] / 1e6, "microseconds for each update of the catalogue", "updates", STEPS + DELTAS),
            ("content", lambda p: p["content_bytes"] / 1e9, "seconds for each GB of content", "GB of content",
             ("content add, month 1",) + STEPS[1:])):
        mine = [p for p in points if p["growth"] == growth]
        if not mine:
            continue
        xs = [p["updates"] if growth == "updates" else p["content_bytes"] / 1e9 for p in mine]
        draw(f"{sys.argv[2]}/performance-{growth}.svg", [
            (per, x_title, xs, values(mine, names, "seconds", unit)),
            ("peak memory, MiB", x_title, xs, values(mine, names, "peak_mib", lambda p: 1), ("256 MiB", 256))])


if __name__ == "__main__":
    main()
