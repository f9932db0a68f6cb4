// Curves: the training that a log tells of, the learning rate, the signal at iteration 0.

import { chart, type Line } from "./chart";
import { data, layersOf, nets, type Diagnosis, type Net, type Schedule, type Training } from "./data";
import { clear, h } from "./dom";
import { chooseLayer, listen, set, state } from "./state";
import { base, count, folder, short, whole, within } from "./words";

const MOST_SCHEDULES = 8;
const TINY = 1e-6;
const HUGE = 1e6;
const ROWS = 12;

export const chartsView = h("div", { class: "charts-view", tabindex: 0, role: "region", "aria-label": "Charts" });

/** Whether there is anything to draw for any net. */
export const hasCharts = Boolean(
  data.training || data.schedules?.length || nets.some((net) => net.start !== null),
);

let shown: string | null = null;

function draw(): void {
  const key = String(state.net);
  if (key === shown) return;
  shown = key;
  const net = state.net === null ? null : nets[state.net]!;
  const parts = [
    ...(data.training ? training(data.training) : []),
    ...schedules(net).map(schedule),
    ...(net && state.net !== null ? signal(net, state.net) : []),
  ];
  clear(chartsView, ...(parts.length ? parts : [h("p", { class: "empty" }, "There is nothing to draw for this net.")]));
}

// Training

function training(about: Training): HTMLElement[] {
  const marks = about.marks.map((mark, at) => ({ x: mark.iteration, words: mark.words, number: at + 1 }));
  const panels = about.panels.map((panel) => {
    const lines: Line[] = panel.series.flatMap((one): Line[] => {
      const smooth = one.smooth.length > 0;
      const kind = { hue: one.hue, dashed: one.test };
      const raw: Line = { ...kind, name: one.name, x: one.iterations, y: one.values, faint: smooth, silent: smooth, dots: one.iterations.length < 2 };
      return smooth ? [raw, { ...kind, name: one.name, x: one.smooth_iterations, y: one.smooth }] : [raw];
    });
    const lost = panel.series.flatMap((one) => one.lost);
    return figure(
      panel.title,
      panel.logarithmic ? "logarithmic axis" : "",
      chart({ label: told(panel.title, lines), lines, logarithmic: panel.logarithmic, span: about.span, marks, lost, at: iteration }),
      values(lines, "iteration"),
      panel.left_out ? `${panel.left_out} more lines are not drawn.` : "",
    );
  });
  const happened = h("ol", { class: "happened" }, ...about.marks.map((mark) => h("li", {}, h("span", { class: "rule" }, `iteration ${whole(mark.iteration)}`), mark.words)));
  return [
    h("h2", {}, "Training"),
    ...about.runs.map((run) => h("div", { class: "run" }, h("p", {}, run.heading.replace(folder, "")), h("pre", { tabindex: 0 }, run.text), ...run.diagnoses.map(diagnosis))),
    ...(about.marks.length ? [happened] : []),
    ...panels,
    ...about.notes.map((note) => h("p", { class: "context" }, note)),
  ];
}

function diagnosis(one: Diagnosis): HTMLElement {
  const causes = one.causes.map((cause) =>
    h(
      "li",
      {},
      cause.file !== undefined && cause.line !== undefined ? place(cause.file, cause.line) : null,
      cause.file === undefined ? cause.words : `  ${cause.words}${cause.more ? ` (and ${cause.more} more like it)` : ""}`,
      cause.rule ? h("span", { class: "folder" }, `  ${cause.rule}`) : null,
      cause.hint ? h("div", { class: "context" }, cause.hint) : null,
    ),
  );
  return h(
    "article",
    { class: `finding ${one.severity}` },
    h("p", { class: "finding-head" }, h("span", { class: `tag ${one.severity}` }, one.severity), h("span", { class: "rule" }, `${one.rule} ${one.name}`)),
    h("p", { class: "message" }, one.message),
    one.evidence.length ? h("p", {}, h("b", {}, "Shown by: "), one.evidence.join("; ")) : null,
    causes.length ? h("div", {}, h("b", {}, causes.length > 1 ? "Causes, the likeliest first" : "Cause"), h("ol", { class: "causes" }, ...causes)) : null,
    one.otherwise ? h("p", {}, h("b", {}, "Look at: "), one.otherwise) : null,
    one.hint ? h("p", {}, h("b", {}, "Do: "), one.hint) : null,
  );
}

const place = (file: string, line: number): HTMLElement =>
  h("button", { type: "button", class: "link", click: () => set({ view: "source", file, line }) }, `${within(file)}:${line}`);

const iteration = (x: number): string => `iteration ${whole(Math.round(x))}`;

// Schedules

function schedules(net: Net | null): Schedule[] {
  const all = data.schedules ?? [];
  if (net?.solver) return all.filter((one) => one.file === net.solver);
  const others = all.filter((one) => !nets.some((each) => each.solver === one.file));
  return others.slice(0, MOST_SCHEDULES);
}

function schedule(one: Schedule): HTMLElement {
  const known = one.rates.filter((rate) => rate !== null && rate > 0) as number[];
  const high = known.reduce((a, b) => Math.max(a, b), 0);
  const low = known.reduce((a, b) => Math.min(a, b), Infinity);
  const line: Line = { name: "learning rate", hue: 0, x: one.iterations, y: one.rates, dots: one.iterations.length < 2 };
  const words = [
    `${one.type}, lr_policy "${one.lr_policy}"`,
    one.momentum ? `momentum ${short(one.momentum)}` : "",
    one.weight_decay ? `weight_decay ${short(one.weight_decay)}` : "",
    count(one.max_iter, "iteration"),
  ];
  return h(
    "section",
    {},
    h("h2", {}, "Learning rate"),
    h("p", { class: "context" }, h("span", { class: "name" }, base(one.file)), `  ${words.filter(Boolean).join(" · ")}`),
    known.length || one.rates.some((rate) => rate !== null)
      ? chart({ label: told("learning rate", [line]), lines: [line], logarithmic: high > 10 * low, at: iteration })
      : h("p", { class: "empty" }, "Caffe cannot compute a learning rate from this solver."),
    values([line], "iteration"),
  );
}

// The signal at iteration 0

function signal(net: Net, number: number): HTMLElement[] {
  const { start } = net;
  if (!start) return [];
  const layers = layersOf(number);
  const at = layers.flatMap((layer, index) => (layer.signal && layer.kind !== "loss" && layer.kind !== "measure" ? [index] : []));
  const kept = (value: number | null): number | null =>
    value === null || value <= 0 ? null : Math.min(HUGE, Math.max(TINY, value));
  const series = (name: string, hue: number, of: (index: number) => number | null, dashed = false): Line => {
    const known = at.flatMap((index, place) => {
      const y = kept(of(index));
      return y === null ? [] : [{ x: place, y }];
    });
    return { name, hue, dashed, x: known.map((one) => one.x), y: known.map((one) => one.y), dots: known.length < 120 && !dashed };
  };
  const lines = [
    series("values (rms)", 0, (index) => (layers[index]!.signal!.overflow ? HUGE : layers[index]!.signal!.rms)),
    series("gradient (rms)", 1, (index) => layers[index]!.signal!.gradient, true),
    series("first update, in parts of the weights", 2, (index) => layers[index]!.signal!.update),
  ].filter((line) => line.x.length);
  if (!lines.length) return [];
  const all = lines.flatMap((line) => line.y).filter((value) => value !== null);
  const low = 10 ** Math.floor(Math.log10(Math.min(0.1, ...all)));
  const high = 10 ** Math.ceil(Math.log10(Math.max(10, ...all)));
  const name = (place: number): string => layers[at[Math.round(place)] ?? -1]?.name ?? "";
  const choose = (place: number): void => {
    const index = at[Math.max(0, Math.min(at.length - 1, Math.round(place)))];
    if (index === undefined) return;
    set({ view: "graph" });
    chooseLayer(index);
  };
  return [
    h(
      "section",
      {},
      h("h2", {}, "Signal at iteration 0"),
      h("p", { class: "context" }, ...said(net)),
      chart({
        label: told("size of the values of each layer", lines),
        lines,
        logarithmic: true,
        domain: [low, high],
        exact: true,
        span: [0, at.length - 1],
        guides: [{ y: 1, words: "1" }],
        at: name,
        ticks: (place) => (Number.isInteger(place) ? shortName(name(place)) : ""),
        chosen: choose,
      }),
      h("p", { class: "context" }, "Layers from the data on, left to right; each value is in the table of layers. A click shows the layer in the graph."),
    ),
  ];
}

const shortName = (name: string): string => (name.length > 14 ? `${name.slice(0, 13)}…` : name);

function said(net: Net): string[] {
  const start = net.start!;
  const words: string[] = ["Expected from the fillers."];
  if (start.overflows_at !== null) words.push(` From ${start.overflows_at} on, values are beyond single precision.`);
  else if (start.first_loss !== null) {
    const [low, high] = start.loss_range ?? [null, null];
    const likely = low != null && high != null ? ` (likely ${short(low)} to ${short(high)})` : "";
    words.push(` First loss ${short(start.first_loss)}${likely}`);
    words.push(start.chance !== null ? `; equal scores give ${Number(start.chance.toPrecision(5))}.` : ".");
  }
  if (start.unknown_from !== null) words.push(` Not known from ${start.unknown_from} on: ${start.unknown_why}.`);
  if (start.assumed) words.push(" Sizes or values of the inputs are not known and were assumed.");
  return words;
}

// Around a chart

function figure(title: string, sub: string, plot: HTMLElement, table: HTMLElement, note: string): HTMLElement {
  return h("section", {}, h("h3", {}, title, sub ? h("span", { class: "folder" }, `  ${sub}`) : null), plot, table, note ? h("p", { class: "context" }, note) : null);
}

/** A chart in words, for those who hear it. */
function told(title: string, lines: Line[]): string {
  const parts = lines.filter((one) => !one.silent).map((one) => {
    const known = one.y.filter((value) => value !== null);
    return known.length ? `${one.name} from ${short(known[0]!)} to ${short(known[known.length - 1]!)}` : `${one.name} without values`;
  });
  return `${title}: ${parts.join("; ")}`;
}

/** Some values of each line as a table. */
function values(lines: Line[], axis: string): HTMLElement {
  const named = lines.filter((one) => !one.silent && one.x.length);
  const lead = named[0];
  if (!lead) return h("p", { hidden: true });
  const step = Math.max(1, (lead.x.length - 1) / (ROWS - 1));
  const picked = [...new Set(Array.from({ length: Math.min(ROWS, lead.x.length) }, (_, at) => Math.round(at * step)))];
  const at = (one: Line, x: number): number | null => {
    const index = one.x.findLastIndex((value) => value <= x);
    return index < 0 ? null : (one.y[index] ?? null);
  };
  return h(
    "details",
    { class: "values" },
    h("summary", {}, "Values"),
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, axis), ...named.map((one) => h("th", { scope: "col", class: "number" }, one.name)))),
      h("tbody", {}, ...picked.map((index) => {
        const x = lead.x[index]!;
        return h("tr", {}, h("th", { scope: "row" }, whole(x)), ...named.map((one) => h("td", { class: "number" }, short(at(one, x)))));
      })),
    ),
  );
}

listen((now) => now.view === "charts" && draw());
