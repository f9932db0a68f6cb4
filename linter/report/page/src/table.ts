// The net as a table: the same as the graph, for those who cannot or would not see it.

import { findingsByLayer, layersOf, nets, worst, type Layer } from "./data";
import { clear, h } from "./dom";
import { matches } from "./search";
import { chooseLayer, listen, state } from "./state";
import { count, human, shape, short } from "./words";

const body = h("tbody");
const head = h("thead");
const table = h("table", {}, head, body);
const notes = h("p", { class: "table-notes" });

export const tableView = h(
  "div",
  { class: "table-view", tabindex: 0, role: "region", "aria-label": "Layers" },
  notes,
  table,
);

interface Column {
  title: string;
  about: string;
  number: boolean;
  cell: (layer: Layer) => string;
}

const COLUMNS: Column[] = [
  { title: "Type", about: "Type and main parameters", number: false, cell: (one) => [one.type, one.says].filter(Boolean).join("  ") },
  { title: "Output", about: "Shape of the first top", number: false, cell: (one) => (one.tops[0] ? shape(one.tops[0].shape) : "–") },
  { title: "Parameters", about: "Learned values of its own", number: true, cell: (one) => (one.parameters === 0 ? "" : human(one.parameters)) },
  { title: "MACs", about: "Multiply-adds of a forward pass of the batch", number: true, cell: (one) => (one.multiply_adds === 0 ? "" : human(one.multiply_adds)) },
  { title: "Memory", about: "Blobs and parameters, with diffs where it trains", number: true, cell: (one) => (one.memory === 0 ? "" : human(one.memory, "B")) },
  { title: "lr_mult", about: "Of each learned blob", number: false, cell: rates },
];
const SIGNAL: Column[] = [
  { title: "rms", about: "Root mean square of the first top at iteration 0", number: true, cell: (one) => (one.signal ? (one.signal.overflow ? "overflow" : short(one.signal.rms)) : "") },
  { title: "update", about: "First update of the weights, in parts of them", number: true, cell: (one) => (one.signal?.update != null ? short(one.signal.update) : "") },
];

function rates(layer: Layer): string {
  const all = layer.params.map((param) => (param.lr_mult === null ? "?" : String(param.lr_mult)));
  return new Set(all).size === 1 ? all[0]! : all.join(" ");
}

let shown: string | null = null;

function draw(): void {
  if (state.net === null) return;
  const key = `${state.net}\n${state.search}`;
  if (key === shown) return choose();
  shown = key;
  const about = nets[state.net]!;
  const layers = layersOf(state.net);
  const hits = state.search ? matches(state.net, state.search) : layers.map((_, at) => at);
  const marks = findingsByLayer(state.net);
  const columns = [...COLUMNS, ...(about.start ? SIGNAL : [])];
  clear(
    head,
    h(
      "tr",
      {},
      h("th", { scope: "col" }, "Layer"),
      ...columns.map((one) => h("th", { scope: "col", title: one.about, class: one.number ? "number" : "" }, one.title)),
      h("th", { scope: "col" }, "Findings"),
    ),
  );
  const rows = hits.map((at) => {
    const layer = layers[at]!;
    const found = marks.get(at) ?? [];
    const severity = worst(found);
    return h(
      "tr",
      { "data-layer": at, class: layer.in_place ? "in-place" : "" },
      h(
        "th",
        { scope: "row", class: `kind-${layer.kind}` },
        h("button", { type: "button", class: "link", click: () => chooseLayer(at) }, layer.name || "(no name)"),
      ),
      ...columns.map((one) => h("td", { class: one.number ? "number" : "" }, one.cell(layer))),
      h("td", {}, severity ? h("span", { class: `count ${severity}` }, count(found.length, severity)) : null),
    );
  });
  clear(body, ...rows);
  clear(notes, ...totals());
  choose();
}

function totals(): string[] {
  const about = nets[state.net!]!;
  const left = about.layers - layersOf(state.net!).length;
  const parts = [
    about.batch_size === null ? "" : `batch of ${about.batch_size}`,
    about.parameters === null ? "" : `${human(about.parameters)} parameters`,
    about.learned === null || about.learned === about.parameters ? "" : `${human(about.learned)} of them learned`,
    about.multiply_adds === null ? "" : `${human(about.multiply_adds)} multiply-adds`,
    about.memory === null ? "" : `${human(about.memory, "B")} of memory`,
    left > 0 ? `${left} more layers are not shown` : "",
  ];
  return [parts.filter(Boolean).join(" · ")];
}

function choose(): void {
  for (const row of body.querySelectorAll<HTMLElement>("tr")) {
    const chosen = Number(row.dataset.layer) === state.layer && state.layer !== null;
    row.classList.toggle("chosen", chosen);
    if (chosen) row.scrollIntoView({ block: "nearest" });
  }
}

listen((now) => now.view === "layers" && draw());
