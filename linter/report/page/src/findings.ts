// The list of findings, by file, with its filters.

import { data, SEVERITIES, type Finding, type Severity } from "./data";
import { clear, h } from "./dom";
import { chooseFinding, listen, state } from "./state";
import { base, count, within } from "./words";

const STEP = 200;

const rank = (severity: Severity): number => SEVERITIES.indexOf(severity);
const worstOf = new Map<string, Severity>();
for (const one of data.findings) {
  const known = worstOf.get(one.file);
  if (known === undefined || rank(one.severity) < rank(known)) worstOf.set(one.file, one.severity);
}

const on = new Set<Severity>(SEVERITIES);
let words = "";
let rule = "";
let file = "";
let most = STEP;

const list = h("div", { class: "found" });
const told = h("p", { class: "told", role: "status" });

const of = (severity: Severity): number => data.counts[severity] ?? 0;

const severities = h(
  "div",
  { class: "chips", role: "group", "aria-label": "Severities" },
  ...SEVERITIES.filter(of).map((severity) => {
    const chip = h(
      "button",
      {
        type: "button",
        class: `chip ${severity}`,
        "aria-pressed": "true",
        click: () => {
          if (on.has(severity)) on.delete(severity);
          else on.add(severity);
          chip.setAttribute("aria-pressed", String(on.has(severity)));
          again();
        },
      },
      h("span", { class: "sign", "aria-hidden": "true" }),
      count(of(severity), severity),
    );
    return chip;
  }),
);

const search = h("input", {
  type: "search",
  id: "find-finding",
  placeholder: "Search findings",
  "aria-label": "Search findings",
  input: () => {
    words = search.value.toLowerCase();
    again();
  },
});

function choice(
  label: string,
  all: string,
  values: [string, string][],
  chosen: (value: string) => void,
): HTMLSelectElement {
  const options = values.map(([value, text]) => h("option", { value }, text));
  const select = h(
    "select",
    { "aria-label": label, change: () => (chosen(select.value), again()) },
    h("option", { value: "" }, all),
    ...options,
  );
  return select;
}

function tally(key: (finding: Finding) => string): [string, number][] {
  const found = new Map<string, number>();
  for (const one of data.findings) found.set(key(one), (found.get(key(one)) ?? 0) + 1);
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Files with the worst findings first, and in a file the worst findings. */
const ordered = [...data.findings].sort(
  (a, b) => rank(worstOf.get(a.file)!) - rank(worstOf.get(b.file)!) || (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || rank(a.severity) - rank(b.severity),
);

const rules = tally((one) => one.rule);
const files = tally((one) => one.file);

export const findingsView = h(
  "section",
  { class: "findings", id: "findings", "aria-labelledby": "findings-title" },
  h("h2", { id: "findings-title", class: "visually-hidden" }, "Findings"),
  data.findings.length
    ? h(
        "div",
        { class: "filters" },
        severities,
        search,
        rules.length > 1 &&
          choice(
            "Rule",
            "All rules",
            rules.map(([id, number]) => [id, `${id} ${data.rules[id]?.name ?? ""} (${number})`]),
            (value) => (rule = value),
          ),
        files.length > 1 &&
          choice(
            "File",
            "All files",
            files.map(([name, number]) => [name, `${within(name)} (${number})`]),
            (value) => (file = value),
          ),
      )
    : null,
  told,
  list,
);

const text = (one: Finding): string =>
  [one.rule, one.name, one.message, one.hint, one.layer, one.file].join("\n").toLowerCase();

const fits = (one: Finding): boolean =>
  on.has(one.severity) &&
  (!rule || one.rule === rule) &&
  (!file || one.file === file) &&
  (!words || text(one).includes(words));

function again(): void {
  most = STEP;
  draw();
}

function draw(): void {
  const shown = ordered.filter(fits);
  const all = data.findings.length;
  told.textContent = shown.length === all ? "" : `${shown.length} of ${count(all, "finding")}`;
  told.hidden = shown.length === all;
  const parts: Node[] = [];
  let group: HTMLElement | null = null;
  let name: string | null = null;
  const several = data.files.length > 1;
  for (const one of shown.slice(0, most)) {
    if (one.file !== name) {
      name = one.file;
      group = h("ul", { class: "cards" });
      if (several) parts.push(h("h3", { title: name }, path(name)));
      parts.push(group);
    }
    group!.append(h("li", {}, card(one)));
  }
  if (!all) parts.push(h("p", { class: "good" }, "✓ No findings."));
  else if (!shown.length) parts.push(h("p", { class: "empty" }, "No finding fits the filters."));
  if (shown.length > most) {
    const more = h(
      "button",
      { type: "button", class: "more", click: () => ((most += STEP), draw()) },
      `${shown.length - most} more …`,
    );
    parts.push(more);
  }
  clear(list, ...parts);
  choose();
}

function path(name: string): HTMLElement {
  const shown = within(name);
  const last = base(shown);
  return h("span", {}, h("span", { class: "folder" }, shown.slice(0, shown.length - last.length)), last);
}

const cards = new WeakMap<Element, Finding>();

function card(one: Finding): HTMLElement {
  const more = one.places.length - 1;
  const layer = one.layer && h("span", { class: "name" }, one.layer);
  const button = h(
    "button",
    {
      type: "button",
      class: `card ${one.severity}`,
      click: () => chooseFinding(one, matchMedia("(max-width: 899px)").matches),
    },
    h("span", { class: "sign", "aria-hidden": "true" }),
    h("span", { class: "visually-hidden" }, `${one.severity}: `),
    h("span", { class: "message" }, one.message),
    h(
      "span",
      { class: "where" },
      h("span", { class: "rule" }, one.rule),
      `line ${one.line}`,
      layer || null,
      more > 0 ? `+ ${more}` : null,
    ),
  );
  cards.set(button, one);
  return button;
}

function choose(): void {
  for (const button of list.querySelectorAll<HTMLElement>("button.card")) {
    const chosen = state.finding !== null && cards.get(button) === state.finding;
    if (chosen) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}

listen((now, before) => now.finding !== before.finding && choose());
draw();
