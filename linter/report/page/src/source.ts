// The text of a file, with line numbers and what is found in it.

import { data, textOf, worst, type Finding } from "./data";
import { clear, h } from "./dom";
import { listen, set, state } from "./state";
import { base, within } from "./words";

const CHUNK = 200;
const AROUND = 2;
const MOST_NOTES = 4;

const lines = h("div", { class: "code", tabindex: 0, role: "region", "aria-label": "Source" });
const select = h("select", { "aria-label": "File", change: () => set({ file: select.value, line: null }) });
const left = h("p", { class: "told", hidden: true });

const KIND_NAMES: Record<string, string> = { net: "net", solver: "solver", log: "log" };

select.append(
  ...data.files.map((file) => {
    const found = data.findings.filter((one) => one.file === file.name).length;
    const words = [KIND_NAMES[file.kind], found ? String(found) : ""].filter(Boolean).join(", ");
    return h("option", { value: file.name }, words ? `${within(file.name)} (${words})` : within(file.name));
  }),
);

export const sourceView = h(
  "div",
  { class: "source-view" },
  h("div", { class: "bar" }, h("label", {}, h("span", { class: "visually-hidden" }, "File"), select)),
  left,
  lines,
);

const TOKEN = /(#.*$)|("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)|([A-Za-z_]\w*)(?=\s*[:{])|([-+]?\d[\w.+-]*)/g;
const CLASSES = ["comment", "string", "field", "number"];

/** A line of prototxt in colours. */
function coloured(text: string): (Node | string)[] {
  const parts: (Node | string)[] = [];
  let at = 0;
  for (const match of text.matchAll(TOKEN)) {
    if (match.index > at) parts.push(text.slice(at, match.index));
    const kind = CLASSES[match.slice(1).findIndex((one) => one !== undefined)];
    parts.push(h("span", { class: `t-${kind}` }, match[0]));
    at = match.index + match[0].length;
  }
  if (at < text.length) parts.push(text.slice(at));
  return parts;
}

let shown: string | null = null;

function draw(): void {
  if (shown !== state.file) {
    shown = state.file;
    select.value = state.file;
    fill(state.file);
  }
  scroll();
}

function fill(name: string): void {
  const file = data.files.find((one) => one.name === name);
  const text = textOf(name);
  left.hidden = file?.whole !== false;
  left.textContent = text ? "The rest of this file is left out." : "";
  if (!text) {
    clear(lines, h("p", { class: "empty" }, name ? "The text of this file is not in the report." : "No file."));
    return;
  }
  const found = new Map<number, Finding[]>();
  for (const one of data.findings) {
    if (one.file !== name) continue;
    for (const line of new Set(one.places.map((place) => place.line)))
      found.set(line, [...(found.get(line) ?? []), one]);
  }
  const log = file?.kind === "log";
  const chunks: HTMLElement[] = [];
  let before = 0;
  text.lines.forEach((line, at) => {
    if (at % CHUNK === 0) chunks.push(h("div", { class: "chunk" }));
    const chunk = chunks[chunks.length - 1]!;
    const number = text.numbers?.[at] ?? at + 1;
    if (number !== before + 1 && at) chunk.append(h("div", { class: "gap", "aria-hidden": "true" }, "⋯"));
    before = number;
    chunk.append(row(line, number, found.get(number) ?? [], log));
  });
  for (const chunk of chunks) chunk.style.containIntrinsicSize = `auto ${20 * chunk.children.length}px`;
  clear(lines, ...chunks);
}

function row(line: string, number: number, found: Finding[], log: boolean): HTMLElement {
  const severity = worst(found);
  const notes = found.slice(0, MOST_NOTES).map((one) => note(one, number));
  return h(
    "div",
    { class: `line${severity ? ` ${severity}` : ""}`, "data-line": number },
    h("span", { class: "no" }, String(number)),
    h("code", {}, ...(log ? [line] : coloured(line)), "\n"),
    ...notes,
  );
}

function note(one: Finding, number: number): HTMLElement {
  const first = one.line === number;
  return h(
    "button",
    {
      type: "button",
      class: `note ${one.severity}`,
      click: () => set({ finding: one, layer: null, line: number }),
    },
    h("span", { class: "visually-hidden" }, `${one.severity}: `),
    h("span", { class: "rule" }, one.rule),
    first ? one.message : "the same here",
  );
}

function scroll(): void {
  for (const old of lines.querySelectorAll(".here")) old.classList.remove("here");
  if (state.line === null) return;
  const target = lines.querySelector<HTMLElement>(`[data-line="${state.line}"]`);
  if (!target) return;
  target.classList.add("here");
  requestAnimationFrame(() => target.scrollIntoView({ block: "center" }));
}

/** A few lines around a finding, with what it is about marked. */
export function excerpt(one: Finding): HTMLElement | null {
  const text = textOf(one.file);
  if (!text) return null;
  const at = text.numbers ? text.numbers.indexOf(one.line) : one.line - 1;
  if (at < 0 || at >= text.lines.length) return null;
  const from = Math.max(0, at - AROUND);
  const rows = text.lines.slice(from, at + AROUND + 1).map((line, offset) => {
    const number = text.numbers?.[from + offset] ?? from + offset + 1;
    const here = from + offset === at;
    const code = here ? marked(line, one) : [line];
    return h("div", { class: `line${here ? ` ${one.severity}` : ""}` }, h("span", { class: "no" }, String(number)), h("code", {}, ...code));
  });
  const box = h("div", { class: "excerpt", tabindex: 0, role: "group", "aria-label": `${base(one.file)}, line ${one.line}` }, ...rows);
  requestAnimationFrame(() => {
    const mark = box.querySelector("mark");
    if (mark) box.scrollLeft = mark.offsetLeft + Math.min(mark.offsetWidth, 160) + 12 - box.clientWidth;
  });
  return box;
}

function marked(line: string, one: Finding): (Node | string)[] {
  const begin = [...line].slice(0, one.column - 1).join("").length;
  const end = one.end_line === one.line ? begin + Math.max(1, one.end_column - one.column) : line.length;
  if (begin >= line.length) return [line];
  return [line.slice(0, begin), h("mark", {}, line.slice(begin, end)), line.slice(end)];
}

listen((now) => now.view === "source" && draw());
