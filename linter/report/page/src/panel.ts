// What is known of the chosen finding and layer.

import { data, findingsByLayer, layersOf, nets, type Finding, type Layer } from "./data";
import { clear, h } from "./dom";
import { excerpt } from "./source";
import { chooseLayer, listen, set, state } from "./state";
import { base, count, human, prose, shape, short, within } from "./words";

const body = h("div", { class: "panel-body" });
export const panel = h("aside", { class: "panel", "aria-label": "Details", hidden: true }, body);

function draw(): void {
  const layer = state.layer === null || state.net === null ? null : layersOf(state.net)[state.layer];
  const { finding } = state;
  panel.hidden = !layer && !finding;
  if (panel.hidden) return;
  const others = layer && state.net !== null && state.layer !== null
    ? (findingsByLayer(state.net).get(state.layer) ?? []).filter((one) => one !== finding)
    : [];
  clear(
    body,
    h(
      "div",
      { class: "panel-head" },
      h("h2", { id: "details-title", tabindex: -1 }, layer ? layer.name || "(no name)" : finding!.rule),
      h("button", { type: "button", class: "quiet", "aria-label": "Close details", click: close }, "✕"),
    ),
    layer && h("p", { class: "sub" }, h("span", { class: `kind kind-${layer.kind}` }, layer.type), layer.says),
    finding && about(finding),
    ...others.map((one) => other(one)),
    ...(layer ? facts(layer) : []),
  );
  panel.scrollTop = 0;
}

function close(): void {
  set({ layer: null, finding: null });
  document.querySelector<SVGElement>(".canvas")?.focus();
}

// A finding

function about(one: Finding): HTMLElement {
  const rule = data.rules[one.rule];
  return h(
    "article",
    { class: `finding ${one.severity}` },
    h(
      "p",
      { class: "finding-head" },
      h("span", { class: `tag ${one.severity}` }, one.severity),
      h("span", { class: "rule" }, `${one.rule} ${one.name}`),
    ),
    h("p", { class: "message" }, one.message),
    one.hint && h("p", { class: "hint" }, h("b", {}, "Help: "), ...lines(one.hint)),
    one.fix &&
      h(
        "p",
        { class: "hint" },
        h("b", {}, "Fix: "),
        `${one.fix.title} `,
        h("code", {}, `caffelint --fix${one.fix.safe ? "" : " --unsafe-fixes"}`),
      ),
    one.context && h("p", { class: "context" }, one.context),
    excerpt(one),
    where(one.file, one.line, `${within(one.file)}:${one.line}:${one.column}`),
    related(one),
    rule?.why ? h("details", {}, h("summary", {}, "Why it matters"), prose(rule.why), sources(rule.sources)) : null,
  );
}

const lines = (text: string): (string | HTMLElement)[] =>
  text.split("\n").flatMap((line, at) => (at ? [h("br"), line] : [line]));

function where(file: string, line: number, text: string): HTMLElement {
  const open = (): void => {
    set({ view: "source", file, line });
  };
  return h("button", { type: "button", class: "link", click: open }, text);
}

function related(one: Finding): HTMLElement | null {
  if (!one.related.length) return null;
  const items = one.related.map((each) =>
    h("li", {}, where(each.file, each.line, `${each.file === one.file ? "line" : base(each.file)} ${each.line}`), ` ${each.message}`),
  );
  return h("ul", { class: "related" }, ...items, one.related_left ? h("li", {}, `and ${one.related_left} more`) : null);
}

const sources = (all: string[]): HTMLElement | null =>
  all.length ? h("ul", { class: "sources" }, ...all.map((one) => h("li", {}, one))) : null;

function other(one: Finding): HTMLElement {
  return h(
    "button",
    { type: "button", class: `card ${one.severity}`, click: () => set({ finding: one, line: one.line }) },
    h("span", { class: "sign", "aria-hidden": "true" }),
    h("span", { class: "visually-hidden" }, `${one.severity}: `),
    h("span", { class: "message" }, one.message),
    h("span", { class: "where" }, h("span", { class: "rule" }, one.rule), `line ${one.line}`),
  );
}

// A layer

function facts(layer: Layer): (HTMLElement | null)[] {
  const { signal } = layer;
  const rows: [string, string][] = [
    ["In", layer.bottoms.join(", ") || "–"],
    ...layer.tops.map((top): [string, string] => ["Out", `${top.name}  ${shape(top.shape)}`]),
    ["Parameters", layer.parameters === 0 ? "" : human(layer.parameters)],
    ["Multiply-adds", layer.multiply_adds === 0 ? "" : human(layer.multiply_adds)],
    ["Memory", layer.memory === 0 ? "" : human(layer.memory, "B")],
    ["In place", layer.in_place ? "yes" : ""],
    ["Gradient", trains() ? (layer.needs_backward ? "passes through" : "stops here") : ""],
  ];
  const start: [string, string][] = signal
    ? [
        ["Mean", signal.overflow ? "overflow" : short(signal.mean)],
        ["rms", signal.overflow ? "overflow" : short(signal.rms)],
        ["Gradient rms", signal.gradient === null ? "" : short(signal.gradient)],
        ["First update", signal.update === null ? "" : `${short(signal.update)} of the weights`],
      ]
    : [];
  return [
    members(),
    section("Layer", rows),
    learned(layer),
    section("At iteration 0", start),
    section("As written", layer.fields),
    state.net === null ? null : where(nets[state.net]!.file, layer.line, `${base(nets[state.net]!.file)}, line ${layer.line}`),
  ];
}

const trains = (): boolean => state.net !== null && nets[state.net]!.phase === "TRAIN";

/** The other layers that are drawn in the same node. */
function members(): HTMLElement | null {
  if (state.net === null || state.layer === null) return null;
  const layers = layersOf(state.net);
  const host = layers[state.layer]!.host;
  const own = layers.map((_, at) => at).filter((at) => layers[at]!.host === host);
  if (own.length < 2) return null;
  const chips = own.slice(0, 40).map((at) =>
    h(
      "button",
      {
        type: "button",
        class: `member kind-${layers[at]!.kind}`,
        "aria-current": at === state.layer ? "true" : null,
        title: layers[at]!.name,
        click: () => chooseLayer(at),
      },
      layers[at]!.type,
    ),
  );
  return h("div", { class: "members", role: "group", "aria-label": "Layers of this node" }, ...chips);
}

function section(title: string, rows: [string, string][]): HTMLElement | null {
  const there = rows.filter(([, value]) => value !== "");
  if (!there.length) return null;
  return h(
    "section",
    {},
    h("h3", {}, title),
    h("dl", {}, ...there.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
  );
}

function learned(layer: Layer): HTMLElement | null {
  if (!layer.params.length) return null;
  const rows = layer.params.map((param) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, param.role),
      h("td", {}, shape(param.shape)),
      h("td", {}, param.lr_mult === null ? "–" : String(param.lr_mult)),
      h("td", {}, param.decay_mult === null ? "–" : String(param.decay_mult)),
    ),
  );
  const shared = layer.params.find((param) => param.shared_with !== null);
  return h(
    "section",
    {},
    h("h3", {}, `Learned: ${count(layer.params.length, "blob")}`),
    h(
      "table",
      { class: "params" },
      h("thead", {}, h("tr", {}, ...["Blob", "Shape", "lr_mult", "decay_mult"].map((one) => h("th", { scope: "col" }, one)))),
      h("tbody", {}, ...rows),
    ),
    shared ? h("p", { class: "context" }, `Shared with ${shared.shared_with}.`) : null,
  );
}

listen((now, before) => {
  if (now.layer !== before.layer || now.finding !== before.finding || now.net !== before.net) draw();
});
