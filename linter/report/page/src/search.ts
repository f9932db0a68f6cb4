// Which layers a search finds: by name, type, or the name of a blob.

import { layersOf, type Layer } from "./data";

const found = new Map<string, number[]>();

export function matches(net: number, search: string): number[] {
  const key = `${net}\n${search}`;
  let hits = found.get(key);
  if (!hits) {
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    hits = layersOf(net).flatMap((layer, at) => (all(layer, words) ? [at] : []));
    found.set(key, hits);
  }
  return hits;
}

function all(layer: Layer, words: string[]): boolean {
  const tops = layer.tops.map((top) => top.name);
  const text = [layer.name, layer.type, ...layer.bottoms, ...tops].join("\n").toLowerCase();
  return words.every((word) => text.includes(word));
}
