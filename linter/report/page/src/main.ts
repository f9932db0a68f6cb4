// Puts the page together: header, findings, the views of a net, details.

import { data, nets, SEVERITIES } from "./data";
import { chartsView, hasCharts } from "./charts";
import { h } from "./dom";
import { findingsView } from "./findings";
import { graphView, next, startGraph } from "./graph";
import { panel } from "./panel";
import { matches } from "./search";
import { sourceView } from "./source";
import { chooseNet, listen, set, state, type View } from "./state";
import { tableView } from "./table";
import { base, count, elided, folder, human, within } from "./words";

const small = matchMedia("(max-width: 899px)");

// Header

function title(): string {
  if (data.training) return data.training.title;
  if (data.files.length === 1) return data.files[0]!.name;
  return folder.slice(0, -1) || count(data.files.length, "file");
}

function header(): HTMLElement {
  const found = SEVERITIES.filter((one) => data.counts[one]);
  return h(
    "header",
    { class: "top" },
    h("p", { class: "brand" }, h("span", { class: "logo", "aria-hidden": "true" }), "caffelint"),
    h("h1", { title: title() }, elided(title(), 70)),
    h(
      "ul",
      { class: "counts", "aria-label": "Findings" },
      ...found.map((one) => h("li", { class: one }, h("span", { class: "sign", "aria-hidden": "true" }), count(data.counts[one]!, one))),
      found.length ? null : h("li", { class: "good" }, "no findings"),
      h("li", { class: "files" }, count(data.files.length, "file")),
    ),
  );
}

// Tabs

const VIEWS: { view: View; words: string; content: HTMLElement; there: boolean }[] = [
  { view: "findings", words: "Findings", content: findingsView, there: true },
  { view: "graph", words: "Graph", content: graphView, there: nets.length > 0 },
  { view: "layers", words: "Layers", content: tableView, there: nets.length > 0 },
  { view: "source", words: "Source", content: sourceView, there: true },
  { view: "charts", words: "Charts", content: chartsView, there: hasCharts },
];
const there = VIEWS.filter((one) => one.there);

const tabs = there.map(({ view, words }) =>
  h(
    "button",
    { type: "button", role: "tab", id: `tab-${view}`, "aria-controls": `view-${view}`, class: `tab tab-${view}`, click: () => set({ view }) },
    words,
  ),
);
const bar = h("div", { class: "tabs", role: "tablist", "aria-label": "Views", keydown: turn as EventListener }, ...tabs);

function turn(event: KeyboardEvent): void {
  const usable = there.map((one) => one.view).filter((view) => small.matches || view !== "findings");
  const at = usable.indexOf(state.view);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: usable.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  const view = usable[(to + usable.length) % usable.length]!;
  set({ view });
  document.getElementById(`tab-${view}`)?.focus();
}

// The net, and the search in it

const netName = (at: number): string => {
  const net = nets[at]!;
  const stages = net.stages.length ? `, ${net.stages.join(", ")}` : "";
  const twice = new Set(nets.map((one) => one.file)).size > 1;
  const of = net.solver && nets.some((one) => one.file === net.file && one.solver !== net.solver) ? ` (${base(net.solver)})` : "";
  return `${twice ? `${within(net.file)} · ` : ""}${net.phase}${stages}${of}`;
};
const select = h(
  "select",
  { "aria-label": "Net", class: "nets", change: () => chooseNet(Number(select.value)) },
  ...nets.map((_, at) => h("option", { value: at }, netName(at))),
);
const search = h("input", {
  type: "search",
  placeholder: "Find layer, type or blob",
  "aria-label": "Find layer, type or blob",
  class: "find",
  input: () => set({ search: search.value.trim() }),
  keydown: ((event: KeyboardEvent) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    next(event.shiftKey ? -1 : 1);
  }) as EventListener,
});
const hits = h("span", { class: "hits", role: "status" });
const totals = h("p", { class: "totals" });
const netBar = h("div", { class: "net-bar" }, select, h("span", { class: "finder" }, search, hits), totals);

const pages = there.map(({ view, content }) =>
  h("div", { class: `view view-${view}`, id: `view-${view}`, role: "tabpanel", "aria-labelledby": `tab-${view}`, "data-view": view }, content),
);

function draw(): void {
  const { view } = state;
  document.body.dataset.view = view;
  for (const tab of tabs) {
    const chosen = tab.id === `tab-${view}`;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
  }
  for (const page of pages) page.hidden = page.dataset.view !== view && (small.matches || page.dataset.view !== "findings");
  netBar.hidden = !nets.length || view === "source" || view === "findings";
  netBar.classList.toggle("no-search", view === "charts");
  if (state.net !== null) {
    const net = nets[state.net]!;
    select.value = String(state.net);
    totals.textContent = [
      count(net.layers, "layer"),
      net.parameters === null ? "" : `${human(net.parameters)} parameters`,
      net.multiply_adds === null ? "" : `${human(net.multiply_adds)} MACs`,
    ]
      .filter(Boolean)
      .join(" · ");
    hits.textContent = state.search ? `${matches(state.net, state.search).length} found` : "";
  }
}

function footer(): HTMLElement {
  const dialog = document.getElementById("licences") as HTMLDialogElement;
  return h(
    "footer",
    {},
    ...data.notes.map((note) => h("p", { class: "note-left" }, note)),
    h("button", { type: "button", class: "link", click: () => dialog.showModal() }, "Licences"),
  );
}

document.title = `caffelint: ${title()}`;
const [findings, ...others] = pages;
document.getElementById("app")!.replaceChildren(
  h("a", { class: "skip", href: "#views" }, "Skip to the net"),
  header(),
  h(
    "main",
    { class: "work" },
    h("div", { class: "main-bar" }, bar, netBar),
    findings!,
    h("div", { class: "views", id: "views", tabindex: -1 }, ...others, panel),
  ),
  footer(),
);
listen(draw);
small.addEventListener("change", () => {
  if (!small.matches && state.view === "findings") set({ view: there.find((one) => one.view !== "findings")!.view });
  else draw();
});
if (small.matches) set({ view: "findings" });
else if (data.training) set({ view: "charts" });
else set({ view: state.view });
startGraph();
document.documentElement.dataset.ready = "yes";
