// The net as a graph: pan, zoom, search, and a click for details. An overview beside it.

import { select } from "d3-selection";
import { curveBasis, line } from "d3-shape";
import { zoom, zoomIdentity, type ZoomTransform } from "d3-zoom";
import { findingsByLayer, layersOf, nets, worst, type Finding } from "./data";
import { clear, h, s } from "./dom";
import { drawingOf, LINE, type Drawing, type Node } from "./layout";
import { matches } from "./search";
import { chooseLayer, listen, state } from "./state";
import { count } from "./words";

const PAD = 24;
const STEP = 90;
const FACTOR = 1.3;
const READABLE = 0.75;
const SMALL_TEXT = 0.42;

const path = line<{ x: number; y: number }>()
  .x((point) => point.x)
  .y((point) => point.y)
  .curve(curveBasis);

const root = s("g");
const svg = s(
  "svg",
  {
    class: "canvas",
    tabindex: 0,
    role: "application",
    "aria-roledescription": "graph",
    "aria-describedby": "graph-help",
  },
  s(
    "defs",
    {},
    s(
      "marker",
      { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto" },
      s("path", { d: "M0,0.8L7.5,4L0,7.2Z", class: "arrow" }),
    ),
  ),
  root,
);
const frame = s("rect", { class: "frame" });
const overview = s("svg", { class: "overview", "aria-hidden": "true" });
const hint = h(
  "p",
  { id: "graph-help", class: "visually-hidden" },
  "Arrow keys move the graph, + and − zoom, 0 shows all of it, n and p choose the next and the previous layer, ",
  "Enter goes to its details. The view Layers has the same as a table.",
);
const empty = h("p", { class: "empty", hidden: true });
const button = (label: string, text: string, act: () => void): HTMLElement =>
  h("button", { class: "tool", type: "button", "aria-label": label, title: label, click: act }, text);
const tools = h(
  "div",
  { class: "tools", role: "group", "aria-label": "Zoom" },
  button("Zoom in", "+", () => by(FACTOR)),
  button("Zoom out", "−", () => by(1 / FACTOR)),
  button("Show the whole net", "⤢", () => fit()),
);
const KINDS: [string, string][] = [
  ["data", "data"],
  ["weights", "weights"],
  ["norm", "norm"],
  ["activation", "activation"],
  ["pool", "pooling"],
  ["join", "shape"],
  ["loss", "loss"],
  ["measure", "output"],
];
const legend = h("ul", { class: "legend", "aria-label": "Colours" });
const stage = h("div", { class: "stage" }, svg, overview, tools, legend, empty, hint);

export const graphView = stage;

let shown: { net: number; drawing: Drawing } | null = null;
let placed = false;

const behaviour = zoom<SVGSVGElement, unknown>()
  .scaleExtent([0.02, 3])
  .filter((event: Event) => {
    if (event.type === "wheel") return (event as WheelEvent).ctrlKey || (event as WheelEvent).metaKey;
    return !(event as MouseEvent).button;
  })
  .on("zoom", ({ transform }: { transform: ZoomTransform }) => {
    root.setAttribute("transform", transform.toString());
    svg.classList.toggle("far", transform.k < SMALL_TEXT);
    frameTo(transform);
  });

const surface = select<SVGSVGElement, unknown>(svg);
surface.call(behaviour).on("dblclick.zoom", null);
svg.addEventListener(
  "wheel",
  (event) => {
    if (event.ctrlKey || event.metaKey) return; // pinching: d3-zoom takes it
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 16 : 1;
    move(-event.deltaX * unit, -event.deltaY * unit);
  },
  { passive: false },
);
svg.addEventListener("keydown", pressed);
svg.addEventListener("click", clicked);
overview.addEventListener("pointerdown", jump);
overview.addEventListener("pointermove", (event) => event.buttons && jump(event));
let before = 0;
new ResizeObserver(() => {
  const { width } = size();
  if (!placed && state.view === "graph") place();
  else if (before && width && state.view === "graph") {
    move((width - before) / 2, 0); // what was in the middle stays there
    if (state.layer !== null) reveal(state.layer);
  }
  if (width) before = width;
  drawOverview();
}).observe(stage);

const current = (): ZoomTransform => (svg as SVGSVGElement & { __zoom?: ZoomTransform }).__zoom ?? zoomIdentity;
const size = (): { width: number; height: number } => ({
  width: stage.clientWidth,
  height: stage.clientHeight,
});
const to = (transform: ZoomTransform): void => void surface.call(behaviour.transform, transform);
const by = (factor: number): void => void surface.call(behaviour.scaleBy, factor);
const move = (x: number, y: number): void => {
  const { k } = current();
  surface.call(behaviour.translateBy, x / k, y / k);
};

function fit(): void {
  if (!shown) return;
  const { width, height } = size();
  const { drawing } = shown;
  const room = width - overviewWidth();
  const k = Math.min(1, (room - 2 * PAD) / drawing.width, (height - 2 * PAD) / drawing.height);
  to(
    zoomIdentity
      .translate((room - k * drawing.width) / 2, Math.max(PAD, (height - k * drawing.height) / 2))
      .scale(k),
  );
}

/** The first look at a net: all of it where that can be read, else its beginning. */
function place(): void {
  const { width, height } = size();
  if (!shown || !width || !height) return;
  placed = true;
  const { drawing } = shown;
  const whole = Math.min(1, (height - 2 * PAD) / drawing.height, (width - 2 * PAD) / drawing.width);
  if (state.layer !== null) centre(state.layer, READABLE);
  else if (whole >= READABLE) fit();
  else {
    const first = [...drawing.nodes.values()].reduce((a, b) => (b.y < a.y ? b : a));
    const room = width - overviewWidth();
    const k = Math.max(READABLE, Math.min(1, (room - 2 * PAD) / drawing.width));
    const middle = k * drawing.width + 2 * PAD <= room ? drawing.width / 2 : first.x;
    to(zoomIdentity.translate(room / 2 - k * middle, PAD / 2).scale(k));
  }
}

function centre(layer: number, least = 0): void {
  const node = nodeOf(layer);
  const { width, height } = size();
  if (!shown || !node || !width) return;
  const k = Math.max(current().k, least);
  const room = width - overviewWidth();
  const { drawing } = shown;
  const x = within(room / 2 - k * node.x, room, k * drawing.width);
  const y = within(height / 2 - k * node.y, height, k * drawing.height);
  to(zoomIdentity.translate(x, y).scale(k));
}

/** A place for the drawing that does not leave more free at one end than need be. */
const within = (at: number, room: number, needed: number): number =>
  needed + PAD <= room ? (room - needed) / 2 : Math.max(Math.min(at, PAD / 2), room - needed - PAD / 2);

/** Bring a layer into sight, if it is not: by as little as that takes, unless it is far away. */
function reveal(layer: number): void {
  const node = nodeOf(layer);
  const { width, height } = size();
  if (!node || !width) return;
  const { k, x, y } = current();
  const across = missing(k * node.x + x, k * node.width, width - overviewWidth());
  const down = missing(k * node.y + y, k * node.height, height);
  if (k < SMALL_TEXT || Math.abs(across) > width / 2 || Math.abs(down) > height / 2) centre(layer, READABLE);
  else if (across || down) move(across, down);
}

/** How far something must be moved, so that it lies between 0 and `room` with a margin. */
function missing(middle: number, length: number, room: number): number {
  const low = middle - length / 2 - PAD;
  const high = middle + length / 2 + PAD;
  if (low < 0) return -low;
  return high > room ? room - high : 0;
}

function nodeOf(layer: number): Node | undefined {
  if (!shown) return undefined;
  const host = layersOf(shown.net)[layer]?.host;
  return host === undefined ? undefined : shown.drawing.nodes.get(host);
}

// Drawing

function show(net: number): void {
  const drawing = drawingOf(net);
  shown = { net, drawing };
  placed = false;
  const about = nets[net]!;
  const left = about.layers - layersOf(net).length;
  const marks = findingsByLayer(net);
  stage.dataset.milliseconds = String(Math.round(drawing.milliseconds));
  svg.setAttribute(
    "aria-label",
    `${about.file}, ${about.phase}: ${count(about.layers, "layer")}${left > 0 ? `, the first ${layersOf(net).length} drawn` : ""}`,
  );
  empty.hidden = drawing.nodes.size > 0;
  empty.textContent = `In ${about.phase} this net has no layers.`;
  const edges = drawing.edges.map((edge) =>
    s("path", {
      class: `edge ${edge.kind && `${edge.kind}-edge`}`,
      d: path(edge.points),
      "data-from": edge.from,
      "data-to": edge.to,
      "marker-end": "url(#arrow)",
    }),
  );
  const nodes = [...drawing.nodes.values()].map((node) => box(node, found(node, marks)));
  clear(root, ...edges, ...nodes);
  const there = new Set([...drawing.nodes.values()].map((node) => node.kind));
  clear(
    legend,
    ...KINDS.filter(([kind]) => there.has(kind)).map(([kind, words]) =>
      h("li", { class: `kind-${kind}` }, words),
    ),
  );
  drawOverview();
  mark();
  if (state.view === "graph") place();
}

const found = (node: Node, marks: Map<number, Finding[]>): Finding[] => [
  ...new Set(node.members.flatMap((at) => marks.get(at) ?? [])),
];

function box(node: Node, findings: Finding[]): SVGGElement {
  const { width, height } = node;
  const left = -width / 2;
  const top = -height / 2;
  const severity = worst(findings);
  const row = (text: string, at: number, kind: string): SVGTextElement =>
    s("text", { x: left + 14, y: top + 10 + LINE * at + 11, class: kind }, text);
  const rows = [row(node.title, 0, "title"), row(node.type, 1, "type")];
  for (const text of node.more) rows.push(row(text, rows.length, "more"));
  if (node.side) rows.push(row(node.side, rows.length, "side"));
  if (node.out) rows.push(row(node.out, rows.length, "out"));
  const group = s(
    "g",
    {
      class: `node kind-${node.kind}${severity ? ` has-${severity}` : ""}`,
      transform: `translate(${node.x},${node.y})`,
      "data-host": node.host,
    },
    s("rect", { class: "face", x: left, y: top, width, height, rx: 7 }),
    s("rect", { class: "strip", x: left + 3, y: top + 8, width: 3.5, height: height - 16, rx: 1.75 }),
    ...rows,
  );
  if (severity) {
    group.append(
      s("circle", { class: `badge ${severity}`, cx: -left - 13, cy: top + 14, r: 8.5 }),
      s("text", { class: "badge-text", x: -left - 13, y: top + 18 }, String(findings.length)),
    );
  }
  return group;
}

// Choosing

function clicked(event: MouseEvent): void {
  const group = (event.target as Element).closest<SVGGElement>(".node");
  chooseLayer(group ? Number(group.dataset.host) : null);
}

function pressed(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const keys: Record<string, () => void> = {
    ArrowUp: () => move(0, STEP),
    ArrowDown: () => move(0, -STEP),
    ArrowLeft: () => move(STEP, 0),
    ArrowRight: () => move(-STEP, 0),
    PageUp: () => move(0, size().height * 0.9),
    PageDown: () => move(0, -size().height * 0.9),
    "+": () => by(FACTOR),
    "=": () => by(FACTOR),
    "-": () => by(1 / FACTOR),
    "0": () => fit(),
    n: () => next(1),
    p: () => next(-1),
    Enter: () => document.getElementById("details-title")?.focus(),
    Escape: () => chooseLayer(null),
  };
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

/** The next layer, or the previous one, in Caffe's order; with a search the next that it finds. */
export function next(step: number): void {
  if (state.net === null) return;
  const all = layersOf(state.net);
  const wanted = state.search ? matches(state.net, state.search) : all.map((_, at) => at);
  if (!wanted.length) return;
  const at = state.layer === null ? -1 : wanted.indexOf(state.layer);
  const from = at < 0 && step < 0 ? 0 : at;
  chooseLayer(wanted[(from + step + wanted.length) % wanted.length]!);
}

/** Show which nodes are chosen, found, and next to the chosen one. */
function mark(): void {
  if (!shown) return;
  const layers = layersOf(shown.net);
  const host = state.layer === null ? null : layers[state.layer]?.host;
  const hits = state.search
    ? new Set(matches(shown.net, state.search).map((at) => layers[at]!.host))
    : null;
  for (const group of root.querySelectorAll<SVGGElement>(".node")) {
    const own = Number(group.dataset.host);
    group.classList.toggle("chosen", own === host);
    group.classList.toggle("hit", hits !== null && hits.has(own));
    group.classList.toggle("miss", hits !== null && !hits.has(own));
  }
  for (const edge of root.querySelectorAll<SVGPathElement>(".edge")) {
    const near = host !== null && host !== undefined
      && [edge.dataset.from, edge.dataset.to].includes(String(host));
    edge.classList.toggle("near", near);
  }
  for (const rect of overview.querySelectorAll<SVGRectElement>("[data-host]"))
    rect.classList.toggle("chosen", Number(rect.dataset.host) === host);
}

// The overview

const WIDE = 92;
const overviewWidth = (): number => (overview.style.display === "none" ? 0 : WIDE);
let scale = 1;

function drawOverview(): void {
  if (!shown) return;
  const { width, height } = size();
  const { drawing } = shown;
  const whole = Math.min((width - 2 * PAD) / drawing.width, (height - 2 * PAD) / drawing.height);
  const needed = width > 480 && whole < READABLE;
  overview.style.display = needed ? "" : "none";
  if (!needed) return;
  scale = Math.min((WIDE - 12) / drawing.width, (height - 12) / drawing.height);
  // A long thin net is stretched, so that there is something to see and to hit.
  const wide = Math.max(scale * drawing.width, 26);
  overview.setAttribute("viewBox", `0 0 ${WIDE} ${height}`);
  overview.style.height = `${height}px`;
  const sx = wide / drawing.width;
  const sy = (height - 12) / drawing.height;
  const x0 = (WIDE - wide) / 2;
  overview.dataset.sx = String(sx);
  overview.dataset.sy = String(sy);
  overview.dataset.x0 = String(x0);
  const marks = findingsByLayer(shown.net);
  const rects = [...drawing.nodes.values()].flatMap((node) => {
    const severity = worst(found(node, marks));
    const y = 6 + sy * (node.y - node.height / 2);
    const high = Math.max(1, sy * node.height * 0.9);
    const x = x0 + sx * (node.x - node.width / 2);
    const wide = Math.max(2, sx * node.width);
    const dot = s("rect", { class: `dot kind-${node.kind}`, x, y, width: wide, height: high, "data-host": node.host });
    if (!severity) return [dot];
    return [dot, s("rect", { class: `alarm ${severity}`, x: WIDE - 7, y, width: 5, height: Math.max(3, high) })];
  });
  clear(overview, ...rects, frame);
  frameTo(current());
}

function frameTo(transform: ZoomTransform): void {
  const { sx, sy, x0 } = overview.dataset;
  if (!shown || !sx) return;
  const { width, height } = size();
  const room = width - overviewWidth();
  const across = [-transform.x / transform.k, (room - transform.x) / transform.k].map(
    (value) => Number(x0) + Number(sx) * value,
  );
  const down = [-transform.y / transform.k, (height - transform.y) / transform.k].map(
    (value) => 6 + Number(sy) * value,
  );
  const left = Math.max(1, across[0]!);
  const top = Math.max(1, down[0]!);
  frame.setAttribute("x", String(left));
  frame.setAttribute("y", String(top));
  frame.setAttribute("width", String(Math.max(4, Math.min(WIDE - 1, across[1]!) - left)));
  frame.setAttribute("height", String(Math.max(4, Math.min(height - 1, down[1]!) - top)));
}

function jump(event: PointerEvent): void {
  if (!shown) return;
  event.preventDefault();
  const box_ = overview.getBoundingClientRect();
  const { sx, sy, x0 } = overview.dataset;
  const x = (event.clientX - box_.left - Number(x0)) / Number(sx);
  const y = (event.clientY - box_.top - 6) / Number(sy);
  const { width, height } = size();
  const { k } = current();
  const middle = Math.min(shown.drawing.width, Math.max(0, x));
  to(zoomIdentity.translate((width - overviewWidth()) / 2 - k * middle, height / 2 - k * y).scale(k));
}

listen((now, before) => {
  if (now.view === "graph" && now.net !== null && shown?.net !== now.net) show(now.net);
  else if (now.layer !== before.layer || now.search !== before.search) mark();
  if (now.view !== "graph") return;
  if (before.view !== "graph") requestAnimationFrame(() => !placed && place());
  if (now.layer !== null && (now.layer !== before.layer || before.view !== "graph"))
    requestAnimationFrame(() => now.layer !== null && reveal(now.layer));
});

export const startGraph = (): void => {
  if (state.net !== null) show(state.net);
};

