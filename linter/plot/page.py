"""A picture as one page for a browser: nothing is loaded, the values stand under the pointer."""

from __future__ import annotations

import json
from html import escape
from math import isfinite

from msgspec.structs import asdict

from .paint import COLOURS, Box, svg
from .picture import Panel, Picture, Series

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"

_STYLE = """\
body { margin: 1rem auto; max-width: 75rem; font: 0.9rem sans-serif; }
#picture { position: relative; }
#picture svg { display: block; width: 100%; height: auto; }
#line { position: absolute; width: 1px; background: #999; pointer-events: none; }
#values { position: absolute; padding: 0.4rem 0.6rem; background: #fffffff0; font-size: 0.8rem;
  border: 1px solid #ccc; border-radius: 4px; pointer-events: none; white-space: nowrap; }
[hidden] { display: none; }
"""

_SCRIPT = """\
const data = JSON.parse(document.getElementById("data").textContent);
const picture = document.getElementById("picture");
const line = document.getElementById("line"), values = document.getElementById("values");
function nearest(list, wanted) {
  let low = 0, high = list.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (list[middle] <= wanted) low = middle; else high = middle;
  }
  return wanted - list[low] <= list[high] - wanted ? low : high;
}
picture.addEventListener("mouseleave", () => { line.hidden = values.hidden = true; });
picture.addEventListener("mousemove", (event) => {
  const area = picture.getBoundingClientRect();
  const x = (event.clientX - area.left) / area.width;
  const y = (event.clientY - area.top) / area.height;
  const panel = data.find((one) => y <= one.box.bottom) || data[data.length - 1];
  line.hidden = values.hidden = !panel || x < panel.box.left || x > panel.box.right;
  if (line.hidden) return;
  const box = panel.box;
  const at = box.first + (x - box.left) / (box.right - box.left) * (box.last - box.first);
  const title = document.createElement("b");
  title.textContent = "iteration " + Math.round(at);
  values.replaceChildren(title);
  for (const one of panel.series) {
    if (!one.iterations.length) continue;
    const here = nearest(one.iterations, at), row = document.createElement("div");
    row.style.color = one.colour;
    row.textContent = one.name + ": " + one.values[here] + " at " + one.iterations[here];
    values.append(row);
  }
  line.style.left = 100 * x + "%";
  line.style.top = 100 * data[0].box.top + "%";
  line.style.height = 100 * (data[data.length - 1].box.bottom - data[0].box.top) + "%";
  values.style.top = 100 * y + "%";
  values.style.left = x < 0.6 ? 100 * x + 1 + "%" : "";
  values.style.right = x < 0.6 ? "" : 101 - 100 * x + "%";
});
"""


def page(picture: Picture) -> str:
    """The picture as HTML.

    Raises:
        caffelint.plot.paint.PlotError: if the picture cannot be made.
    """
    text, boxes = svg(picture)
    data = [_panel(panel, box) for panel, box in zip(picture.panels, boxes, strict=True)]
    # In a script only "<" could end it, or begin a comment.
    values = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{escape(picture.title)}</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n"
        f'<div id="picture">\n{text[text.index("<svg") :]}'
        '<div id="line" hidden></div><div id="values" hidden></div>\n</div>\n'
        f'<script type="application/json" id="data">{values}</script>\n'
        f"<script>\n{_SCRIPT}</script>\n</body>\n</html>\n"
    )


def _panel(panel: Panel, box: Box) -> dict[str, object]:
    return {"box": asdict(box), "series": [_series(one) for one in panel.series]}


def _series(series: Series) -> dict[str, object]:
    line = series.line
    pairs = zip(line.iterations, line.values, strict=True)
    shown = sorted(pair for pair in pairs if isfinite(pair[1]))
    return {
        "name": series.name,
        "colour": COLOURS[series.hue % len(COLOURS)],
        "iterations": [iteration for iteration, _ in shown],
        "values": [value for _, value in shown],
    }
