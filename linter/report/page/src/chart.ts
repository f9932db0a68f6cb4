// A chart: lines over one horizontal axis, with the values under the pointer.

import { scaleLinear, scaleLog } from "d3-scale";
import { line as path } from "d3-shape";
import { clear, h, s } from "./dom";
import { short, whole } from "./words";

export interface Line {
  name: string;
  hue: number;
  x: number[];
  y: (number | null)[];
  faint?: boolean;
  dashed?: boolean;
  dots?: boolean;
  silent?: boolean; // not named, and not under the pointer
}

export interface Chart {
  label: string;
  lines: Line[];
  logarithmic: boolean;
  domain?: [number, number];
  span?: [number, number];
  marks?: { x: number; words: string; number: number }[];
  lost?: [number, number][];
  guides?: { y: number; words: string }[];
  exact?: boolean; // under the pointer only values of that very place
  at: (x: number) => string;
  ticks?: (x: number) => string;
  chosen?: (x: number) => void;
}

const HEIGHT = 240;
const SPACE = { top: 14, right: 16, bottom: 26, left: 58 };
const TALL = 40;
const LEAST_DECADES = 1e-7;

type Scale = ((value: number) => number) & { ticks: (count?: number) => number[] };

export function chart(about: Chart): HTMLElement {
  const svg = s("svg", { class: "plot", role: "img", "aria-label": about.label });
  const tip = h("div", { class: "tip", hidden: true });
  const named = about.lines.filter((one) => !one.silent);
  const legend =
    named.length > 1
      ? h("ul", { class: "keys" }, ...named.map((one) => h("li", { class: `hue-${one.hue % 8}${one.dashed ? " dashed" : ""}` }, one.name)))
      : null;
  const box = h("div", { class: "chart" }, legend, h("div", { class: "plot-box" }, svg, tip));
  let drawnWidth = 0;
  new ResizeObserver(() => {
    const width = Math.floor(svg.parentElement!.clientWidth);
    if (width && width !== drawnWidth) draw((drawnWidth = width));
  }).observe(box);

  const finite = about.lines.flatMap((one) => one.y).filter((value) => value !== null);
  const xs = about.lines.flatMap((one) => one.x);
  const [first, last] = about.span ?? [reduced(xs, Math.min), reduced(xs, Math.max)];

  function scales(width: number): { x: Scale; y: Scale } {
    const x = scaleLinear([first, last === first ? first + 1 : last], [SPACE.left, width - SPACE.right]);
    const range: [number, number] = [HEIGHT - SPACE.bottom, SPACE.top];
    let low = about.domain?.[0] ?? finite.reduce((a, b) => Math.min(a, b), Infinity);
    let high = about.domain?.[1] ?? finite.reduce((a, b) => Math.max(a, b), -Infinity);
    if (about.logarithmic) {
      const positive = finite.filter((value) => value > 0).reduce((a, b) => Math.min(a, b), Infinity);
      low = about.domain?.[0] ?? Math.max(positive, high * LEAST_DECADES);
      return { x: x as Scale, y: scaleLog([low, high > low ? high : low * 10], range).clamp(true) as unknown as Scale };
    }
    if (low > 0 && low < high / 2) low = 0;
    if (high === low) {
      high += Math.abs(high) || 1;
      if (low > 0) low = 0;
    }
    return { x: x as Scale, y: scaleLinear([low, high], range).nice(5) as unknown as Scale };
  }

  function draw(width: number): void {
    svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    svg.setAttribute("width", String(width));
    svg.setAttribute("height", String(HEIGHT));
    const { x, y } = scales(width);
    const right = width - SPACE.right;
    const bottom = HEIGHT - SPACE.bottom;
    const parts: SVGElement[] = [];
    for (const value of yTicks(y, about.logarithmic)) {
      const at = y(value);
      parts.push(
        s("line", { class: "grid", x1: SPACE.left, x2: right, y1: at, y2: at }),
        s("text", { class: "tick", x: SPACE.left - 8, y: at + 4, "text-anchor": "end" }, short(value)),
      );
    }
    const most = Math.max(2, Math.floor(width / 125));
    const step = Math.ceil((last - first + 1) / most);
    const places = about.ticks && Array.from({ length: most }, (_, at) => first + at * step).filter((at) => at <= last);
    for (const value of places ?? x.ticks(most)) {
      const words = about.ticks ? about.ticks(value) : compact(value);
      if (words) parts.push(s("text", { class: "tick", x: x(value), y: bottom + 18, "text-anchor": "middle" }, words));
    }
    for (const [from, until] of about.lost ?? []) {
      const begin = x(from);
      parts.push(s("rect", { class: "lost", x: begin, y: SPACE.top, width: Math.max(3, x(until) - begin), height: bottom - SPACE.top }));
    }
    for (const guide of about.guides ?? [])
      parts.push(
        s("line", { class: "guide", x1: SPACE.left, x2: right, y1: y(guide.y), y2: y(guide.y) }),
        s("text", { class: "guide-text", x: right, y: y(guide.y) - 5, "text-anchor": "end" }, guide.words),
      );
    for (const mark of about.marks ?? [])
      parts.push(
        s("line", { class: "mark", x1: x(mark.x), x2: x(mark.x), y1: SPACE.top, y2: bottom }),
        s("circle", { class: "mark-dot", cx: x(mark.x), cy: SPACE.top, r: 8 }),
        s("text", { class: "mark-text", x: x(mark.x), y: SPACE.top + 4 }, String(mark.number)),
      );
    const shape = path<number>()
      .defined((at) => current.y[at] !== null && !(about.logarithmic && current.y[at]! <= 0))
      .x((at) => x(current.x[at]!))
      .y((at) => y(current.y[at]!));
    let current = about.lines[0]!;
    for (current of about.lines) {
      const kind = `curve hue-${current.hue % 8}${current.faint ? " faint" : ""}${current.dashed ? " dashed" : ""}`;
      parts.push(s("path", { class: kind, d: shape(current.x.map((_, at) => at)) ?? "" }));
      if (!current.dots) continue;
      current.y.forEach((value, at) => {
        if (value !== null) parts.push(s("circle", { class: `dot hue-${current.hue % 8}`, cx: x(current.x[at]!), cy: y(value), r: 2.6 }));
      });
    }
    const cross = s("line", { class: "cross", y1: SPACE.top, y2: bottom, visibility: "hidden" });
    clear(svg, ...parts, cross);
    const value = (event: PointerEvent | MouseEvent): number | null => {
      const area = svg.getBoundingClientRect();
      const across = ((event.clientX - area.left) / area.width) * width;
      if (across < SPACE.left - 4 || across > right + 4) return null;
      return first + ((across - SPACE.left) / (right - SPACE.left)) * (last - first);
    };
    svg.onpointermove = (event) => {
      const wanted = value(event);
      const lead = named.find((one) => one.x.length) ?? about.lines[0];
      if (wanted === null || !lead) return leave();
      const here = lead.x[nearest(lead.x, wanted)]!;
      cross.setAttribute("x1", String(x(here)));
      cross.setAttribute("x2", String(x(here)));
      cross.setAttribute("visibility", "visible");
      clear(
        tip,
        h("b", {}, about.at(here)),
        ...named.filter((one) => one.x.length && (!about.exact || one.x.includes(here))).map((one) =>
          h("div", { class: `hue-${one.hue % 8}` }, `${named.length > 1 ? `${one.name}: ` : ""}${short(one.y[nearest(one.x, here)] ?? null)}`),
        ),
      );
      tip.hidden = false;
      const left = x(here) < width / 2 ? x(here) + 14 : x(here) - 14 - tip.offsetWidth;
      tip.style.left = `${Math.max(0, Math.min(left, width - tip.offsetWidth))}px`;
      tip.style.top = `${TALL / 2}px`;
    };
    const leave = (): void => {
      tip.hidden = true;
      cross.setAttribute("visibility", "hidden");
    };
    svg.onpointerleave = leave;
    svg.onclick = (event) => {
      const wanted = value(event);
      if (wanted !== null && about.chosen) about.chosen(wanted);
    };
    svg.classList.toggle("clickable", Boolean(about.chosen));
  }
  return box;
}

const reduced = (values: number[], better: (a: number, b: number) => number): number =>
  values.length ? values.reduce((a, b) => better(a, b)) : 0;

/** At most some five ticks: powers of ten of a logarithmic axis. */
function yTicks(scale: Scale, logarithmic: boolean): number[] {
  if (!logarithmic) return scale.ticks(5);
  const all = scale.ticks();
  const powers = all.filter((value) => Number.isInteger(Math.round(Math.log10(value) * 1e9) / 1e9));
  const ticks = powers.length >= 2 ? powers : all;
  const step = Math.ceil(ticks.length / 6);
  return ticks.filter((_, at) => at % step === 0);
}

function compact(value: number): string {
  if (Math.abs(value) >= 1e6) return `${Number((value / 1e6).toPrecision(4))} M`;
  if (Math.abs(value) >= 1e4) return `${Number((value / 1e3).toPrecision(4))} k`;
  return Number.isInteger(value) ? whole(value) : "";
}

function nearest(sorted: number[], wanted: number): number {
  let low = 0;
  let high = sorted.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! <= wanted) low = middle;
    else high = middle;
  }
  return wanted - sorted[low]! <= sorted[high]! - wanted ? low : high;
}
