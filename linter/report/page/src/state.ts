// What is shown: which net, which file, which layer and finding are chosen, which view is open.

import { data, findingsByLayer, layersAbout, layersOf, nets, type Finding } from "./data";

export type View = "findings" | "graph" | "layers" | "source" | "charts";

export interface State {
  view: View;
  net: number | null;
  file: string;
  layer: number | null;
  finding: Finding | null;
  line: number | null;
  search: string;
}

type Listener = (state: State, before: State) => void;

const listeners: Listener[] = [];

const first = firstNet();

export let state: State = {
  view: first === null ? "source" : "graph",
  net: first,
  file: first === null ? (data.files[0]?.name ?? "") : nets[first]!.file,
  layer: null,
  finding: null,
  line: null,
  search: "",
};

/** The net with the worst findings, rather one that is trained; of several the first. */
function firstNet(): number | null {
  const weigh = (at: number): number => {
    const { file, phase, solver } = nets[at]!;
    const found = data.findings.filter((one) => one.file === file).map(weight);
    return 10 * Math.max(0, ...found) + 2 * Number(phase === "TRAIN") + Number(solver !== null);
  };
  let best: number | null = null;
  nets.forEach((_, at) => {
    if (best === null || weigh(at) > weigh(best)) best = at;
  });
  return best;
}

function weight(finding: Finding): number {
  return { error: 3, warning: 2, info: 1 }[finding.severity];
}

export const listen = (listener: Listener): void => void listeners.push(listener);

export function set(change: Partial<State>): void {
  const before = state;
  state = { ...state, ...change };
  for (const listener of listeners) listener(state, before);
}

export function chooseNet(net: number): void {
  set({ net, file: nets[net]!.file, layer: null, finding: null, line: null });
}

/** Choose a layer of the net that is shown, with the first finding on it. */
export function chooseLayer(layer: number | null): void {
  const found = layer === null || state.net === null ? [] : (findingsByLayer(state.net).get(layer) ?? []);
  const line = layer === null || state.net === null ? null : (layersOf(state.net)[layer]?.line ?? null);
  set({ layer, line, finding: found[0] ?? null });
}

/** Choose a finding, and show it where it is seen best: in a net, else in the text. */
export function chooseFinding(finding: Finding, small: boolean): void {
  const net = netOf(finding);
  const about = net === null ? null : [...layersAbout(finding, layersOf(net))][0];
  const layer = about ?? null;
  const drawn = state.view === "graph" || state.view === "layers";
  let view = state.view;
  if (drawn && layer === null) view = "source";
  else if (small || state.view === "charts") view = layer === null ? "source" : "graph";
  set({ finding, file: finding.file, line: finding.line, net: net ?? state.net, layer, view });
}

/** A net of the finding's file in a phase that it holds in; the one that is shown, if that is. */
function netOf(finding: Finding): number | null {
  const fits = (at: number): boolean => {
    const net = nets[at]!;
    return net.file === finding.file && (!finding.phases.length || finding.phases.includes(net.phase));
  };
  const about = (at: number): boolean => layersAbout(finding, layersOf(at)).size > 0;
  const all = nets.map((_, at) => at).filter(fits);
  if (state.net !== null && all.includes(state.net) && about(state.net)) return state.net;
  return all.find(about) ?? all[0] ?? null;
}
