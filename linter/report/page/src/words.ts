// Numbers, names and the rules' own words, as people read them.

import { data, type Shape } from "./data";
import { h } from "./dom";

/** `1.2 M`: three digits and a prefix. */
export function human(value: number | null, unit = ""): string {
  if (value === null) return "?";
  const prefixes = ["", "k", "M", "G", "T", "P"];
  let at = 0;
  while (Math.abs(value) >= 999.5 && at < prefixes.length - 1) {
    value /= 1000;
    at += 1;
  }
  const digits = at === 0 || Math.abs(value) >= 99.95 ? 0 : Math.abs(value) >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${prefixes[at]}${unit}`.trim();
}

/** A real number in few letters. */
export function short(value: number | null): string {
  if (value === null) return "–";
  const size = Math.abs(value);
  if (size === 0) return "0";
  return size >= 1e-3 && size < 1e5 ? String(Number(value.toPrecision(3))) : value.toExponential(1).replace(".0e", "e").replace("e+", "e");
}

export const whole = (value: number): string => value.toLocaleString("en");

export const count = (number: number, noun: string): string =>
  `${whole(number)} ${noun}${number === 1 ? "" : "s"}`;

export const shape = (sizes: Shape): string =>
  sizes === null ? "?" : sizes.length ? sizes.map((one) => one ?? "?").join(" × ") : "scalar";

/** The same without the batch, which is the same for all. */
export const each = (sizes: Shape): string =>
  sizes !== null && sizes.length > 1 ? shape(sizes.slice(1)) : shape(sizes);

/** `text` with its middle left out if it is too long: names differ at both ends. */
export function elided(text: string, longest: number): string {
  if (text.length <= longest) return text;
  const head = Math.floor((longest - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (longest - 1 - head))}`;
}

/** The folder that all files lie in, with a / at its end; empty where there is none. */
export const folder = common(data.files.map((file) => file.name));

function common(names: string[]): string {
  const [first, ...others] = names.map((name) => name.split("/").slice(0, -1));
  if (!first) return "";
  let length = first.length;
  for (const one of others) {
    const differs = first.findIndex((part, at) => part !== one[at]);
    if (differs >= 0) length = Math.min(length, differs);
  }
  return length ? `${first.slice(0, length).join("/")}/` : "";
}

/** The name of a file without that folder. */
export const within = (name: string): string => (name.startsWith(folder) ? name.slice(folder.length) : name);

/** The last part of a path, with as much before it as tells it from others. */
export const base = (path: string): string => path.split(/[\\/]/).pop() || path;

/** The little Markdown that rules are written in: paragraphs, lists, blocks and spans of code. */
export function prose(markdown: string): HTMLElement {
  const box = h("div", { class: "prose" });
  const parts = markdown.trim().split(/\n{2,}/);
  for (let at = 0; at < parts.length; at += 1) {
    let part = parts[at]!;
    if (part.startsWith("```")) {
      while (!/\n```\s*$/.test(part) && at + 1 < parts.length) part += `\n\n${parts[(at += 1)]}`;
      const code = part.replace(/^```.*\n?/, "").replace(/\n?```\s*$/, "");
      box.append(h("pre", { tabindex: 0 }, code));
    } else if (/^( {4}|\t)/.test(part)) {
      box.append(h("pre", { tabindex: 0 }, part.replace(/^( {4}|\t)/gm, "")));
    } else if (/^[*-] /.test(part)) {
      const items = part.split(/\n(?=[*-] )/).map((one) => h("li", {}, ...spans(one.slice(2))));
      box.append(h("ul", {}, ...items));
    } else {
      box.append(h("p", {}, ...spans(part)));
    }
  }
  return box;
}

function spans(text: string): (Node | string)[] {
  return text
    .replace(/\s+/g, " ")
    .split(/(`[^`]+`|\*\*[^*]+\*\*)/)
    .map((one) => {
      if (one.startsWith("`") && one.length > 2) return h("code", {}, one.slice(1, -1));
      if (one.startsWith("**") && one.length > 4) return h("strong", {}, one.slice(2, -2));
      return one;
    });
}
