// What Python has put into the page (report/html.py, show/details.py), as types.

export type Severity = "error" | "warning" | "info";

export interface Related {
  file: string;
  line: number;
  column: number;
  message: string;
}

export interface Finding {
  rule: string;
  name: string;
  severity: Severity;
  confidence: string;
  message: string;
  hint: string;
  file: string;
  line: number;
  column: number;
  end_line: number;
  end_column: number;
  layer: string;
  phases: string[];
  context: string;
  related: Related[];
  related_left: number;
  fix: { title: string; safe: boolean } | null;
  places: { layer: string; line: number }[];
}

export interface Rule {
  name: string;
  summary: string;
  why: string;
  sources: string[];
}

export interface Start {
  first_loss: number | null;
  loss_range: (number | null)[] | null;
  chance: number | null;
  overflows_at: string | null;
  unknown_from: string | null;
  unknown_why: string | null;
  assumed: boolean;
  gradient_norm: number | null;
}

export interface Net {
  file: string;
  solver: string | null;
  name: string;
  phase: string;
  stages: string[];
  level: number;
  layers: number;
  batch_size: number | null;
  parameters: number | null;
  learned: number | null;
  multiply_adds: number | null;
  memory: number | null;
  start: Start | null;
}

export type Shape = (number | null)[] | null;

export interface Layer {
  name: string;
  type: string;
  kind: string;
  host: number;
  line: number;
  end_line: number;
  says: string;
  bottoms: string[];
  from: (number | null)[];
  tops: { name: string; shape: Shape }[];
  params: {
    role: string;
    shape: Shape;
    count: number | null;
    lr_mult: number | null;
    decay_mult: number | null;
    shared_with: string | null;
  }[];
  parameters: number | null;
  multiply_adds: number | null;
  memory: number | null;
  in_place: boolean;
  needs_backward: boolean;
  fields: [string, string][];
  signal: {
    mean: number | null;
    rms: number | null;
    overflow: boolean;
    gradient: number | null;
    update: number | null;
  } | null;
}

export interface Text {
  lines: string[];
  numbers: number[] | null;
}

export interface Schedule {
  file: string;
  type: string;
  lr_policy: string;
  base_lr: number | null;
  momentum: number | null;
  weight_decay: number | null;
  max_iter: number;
  iterations: number[];
  rates: (number | null)[];
}

export interface Series {
  name: string;
  hue: number;
  test: boolean;
  iterations: number[];
  values: (number | null)[];
  smooth_iterations: number[];
  smooth: (number | null)[];
  lost: [number, number][];
}

export interface Training {
  title: string;
  panels: { title: string; logarithmic: boolean; left_out: number; series: Series[] }[];
  marks: { iteration: number; words: string }[];
  span: [number, number];
  notes: string[];
  runs: { heading: string; text: string; diagnoses: Diagnosis[] }[];
}

export interface Diagnosis {
  rule: string;
  name: string;
  severity: Severity;
  message: string;
  hint: string;
  evidence: string[];
  causes: { words: string; rule?: string; file?: string; line?: number; hint?: string; more?: number }[];
  otherwise: string;
}

export interface Data {
  counts: Partial<Record<Severity, number>>;
  findings: Finding[];
  rules: Record<string, Rule>;
  files: { name: string; kind: string; whole?: boolean }[];
  nets?: Net[];
  schedules?: Schedule[];
  training?: Training | null;
  notes: string[];
}

const kept = new Map<string, unknown>();

/** A block of the page's data, read when it is first asked for. */
function block<T>(id: string): T | null {
  if (!kept.has(id)) {
    const text = document.getElementById(id)?.textContent;
    kept.set(id, text ? JSON.parse(text) : null);
  }
  return kept.get(id) as T | null;
}

export const data = block<Data>("data") as Data;
export const nets = data.nets ?? [];

export const layersOf = (net: number): Layer[] => block<Layer[]>(`layers-${net}`) ?? [];

export const textOf = (file: string): Text | null => {
  const at = data.files.findIndex((each) => each.name === file);
  return at < 0 ? null : block<Text>(`texts-${at}`);
};

export const SEVERITIES: Severity[] = ["error", "warning", "info"];

const rank = (severity: Severity): number => SEVERITIES.indexOf(severity);

export const worst = (findings: Finding[]): Severity | null =>
  findings.reduce<Severity | null>(
    (so_far, each) =>
      so_far === null || rank(each.severity) < rank(so_far) ? each.severity : so_far,
    null,
  );

/** The findings on each layer of a net, by the layer's index. */
export function findingsByLayer(net: number): Map<number, Finding[]> {
  const { file, phase } = nets[net]!;
  const layers = layersOf(net);
  const found = new Map<number, Finding[]>();
  for (const finding of data.findings) {
    if (finding.file !== file) continue;
    if (finding.phases.length && !finding.phases.includes(phase)) continue;
    for (const at of layersAbout(finding, layers)) {
      found.set(at, [...(found.get(at) ?? []), finding]);
    }
  }
  return found;
}

/** The layers that a finding is about: those whose text its places lie in, or of their name. */
export function layersAbout(finding: Finding, layers: Layer[]): Set<number> {
  const found = new Set<number>();
  for (const place of finding.places) {
    const inside = layers.findIndex((each) => each.line <= place.line && place.line <= each.end_line);
    const at = inside >= 0 ? inside : layers.findIndex((each) => place.layer && each.name === place.layer);
    if (at >= 0) found.add(at);
  }
  return found;
}
