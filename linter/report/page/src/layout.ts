// Where the nodes and edges of a net go; by dagre, once for each net.

import { Graph, layout } from "@dagrejs/dagre";
import { layersOf, type Layer } from "./data";
import { each, elided } from "./words";

export interface Node {
  host: number;
  members: number[];
  title: string;
  type: string;
  more: string[];
  side: string;
  out: string;
  kind: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Edge {
  from: number;
  to: number;
  points: { x: number; y: number }[];
  kind: "" | "far" | "side";
}

export interface Drawing {
  nodes: Map<number, Node>;
  edges: Edge[];
  width: number;
  height: number;
  milliseconds: number;
}

export const LINE = 15;
const TOP = 10;
const SIDE = 14;
const BADGE = 18;
const MOST_MEMBERS = 6;
const LONGEST_NAME = 34;
const MANY = 250;
const FAR = 5;

const canvas = document.createElement("canvas").getContext("2d");

function measure(text: string, font: string): number {
  if (!canvas) return text.length * 7;
  canvas.font = font;
  return canvas.measureText(text).width;
}

const drawings = new Map<number, Drawing>();

export function drawingOf(net: number): Drawing {
  let drawing = drawings.get(net);
  if (!drawing) drawings.set(net, (drawing = drawn(layersOf(net))));
  return drawing;
}

function drawn(layers: Layer[]): Drawing {
  const begin = performance.now();
  const sides = sideInputs(layers);
  const nodes = nodesOf(layers, sides);
  const graph = new Graph({ multigraph: false });
  graph.setGraph({
    rankdir: "TB",
    nodesep: 26,
    edgesep: 14,
    ranksep: 30,
    marginx: 20,
    marginy: 20,
    ranker: nodes.size > MANY ? "tight-tree" : "network-simplex",
  });
  for (const node of nodes.values())
    graph.setNode(String(node.host), { width: node.width, height: node.height });
  layers.forEach((layer, at) => {
    layer.from.forEach((from, number) => {
      const below = from === null ? undefined : layers[from];
      if (!below || below.host === layer.host || sides.has(`${at} ${number}`)) return;
      if (!nodes.has(below.host) || !nodes.has(layer.host)) return;
      graph.setEdge(String(below.host), String(layer.host), { weight: number === 0 ? 3 : 1 });
    });
  });
  layout(graph);
  for (const node of nodes.values()) {
    const place = graph.node(String(node.host));
    node.x = place.x ?? 0;
    node.y = place.y ?? 0;
  }
  const edges = graph.edges().map(({ v, w }): Edge => {
    const points = (graph.edge(v, w)?.points ?? []) as { x: number; y: number }[];
    return { from: Number(v), to: Number(w), points, kind: points.length > FAR ? "far" : "" };
  });
  layers.forEach((layer, at) =>
    layer.from.forEach((from, number) => {
      const below = nodes.get(from === null ? -1 : (layers[from]?.host ?? -1));
      const above = nodes.get(layer.host);
      if (below && above && sides.has(`${at} ${number}`)) edges.push(sideEdge(below, above));
    }),
  );
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  return { nodes, edges, width, height, milliseconds: performance.now() - begin };
}

/**
 * Inputs that are told in words and not by a line through the whole net: labels and the like, which
 * a data layer gives to layers that get their first input elsewhere. By layer and number of input.
 */
function sideInputs(layers: Layer[]): Set<string> {
  const leads = new Set(layers.map((layer) => layer.from[0]));
  const found = new Set<string>();
  layers.forEach((layer, at) =>
    layer.from.forEach((from, number) => {
      const below = from === null ? undefined : layers[from];
      if (number > 0 && below?.kind === "data" && leads.has(from) && layer.from[0] !== from)
        found.add(`${at} ${number}`);
    }),
  );
  return found;
}

/** Drawn only where one of its ends is chosen. */
function sideEdge(below: Node, above: Node): Edge {
  const begin = { x: below.x, y: below.y + below.height / 2 };
  const end = { x: above.x, y: above.y - above.height / 2 };
  return { from: below.host, to: above.host, points: [begin, end], kind: "side" };
}

function nodesOf(layers: Layer[], sides: Set<string>): Map<number, Node> {
  const members = new Map<number, number[]>();
  layers.forEach((layer, at) => members.set(layer.host, [...(members.get(layer.host) ?? []), at]));
  const nodes = new Map<number, Node>();
  for (const [host, own] of members) {
    const layer = layers[host];
    const side = layer?.bottoms.filter((_, number) => sides.has(`${host} ${number}`)) ?? [];
    if (layer) nodes.set(host, node(host, own, layers, layer, side));
  }
  return nodes;
}

function node(host: number, members: number[], layers: Layer[], layer: Layer, sides: string[]): Node {
  const side = sides.length ? elided(`with ${sides.join(", ")}`, LONGEST_NAME) : "";
  const followers = members.slice(1).map((at) => layers[at]!.type);
  const more = inRows(
    followers.length > MOST_MEMBERS
      ? [...followers.slice(0, MOST_MEMBERS), `${followers.length - MOST_MEMBERS} more`]
      : followers,
  );
  const last = layers[members[members.length - 1]!]!;
  const tops = last.tops;
  const out = tops.length ? each(tops[0]!.shape) + (tops.length > 1 ? `  + ${tops.length - 1}` : "") : "";
  const title = elided(layer.name || "(no name)", LONGEST_NAME);
  const type = layer.says ? `${layer.type}  ${layer.says}` : layer.type;
  const rows = [...more, side, out];
  const width =
    Math.max(
      96,
      measure(title, "600 12px system-ui") + BADGE,
      measure(type, "11px system-ui"),
      ...rows.map((row) => measure(row, "11px system-ui")),
    ) +
    2 * SIDE;
  const height = 2 * TOP + LINE * (2 + more.length + (side ? 1 : 0) + (out ? 1 : 0));
  return { host, members, title, type, more, side, out, kind: layer.kind, x: 0, y: 0, width, height };
}

/** The layers that follow in the node, two or three in a row. */
function inRows(types: string[]): string[] {
  const rows: string[] = [];
  for (const type of types) {
    const last = rows[rows.length - 1];
    if (last !== undefined && last.length + type.length < 26) rows[rows.length - 1] = `${last} · ${type}`;
    else rows.push(type);
  }
  return rows;
}
