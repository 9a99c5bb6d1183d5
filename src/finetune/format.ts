import type { Task } from "./events.ts";

export { formatBytes } from "../io/index.ts";

/** Numbers and names as people read them; the command line and the report show them alike. */

/** 2222592 -> "2,222,592" */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** "1 step", "2,300 steps" */
export const formatSteps = (count: number): string => `${formatCount(count)} ${count === 1 ? "step" : "steps"}`;

/** 0.98206 -> "98.2 %" */
export function formatPercent(ratio: number, digits = 1): string {
  return Number.isFinite(ratio) ? `${(ratio * 100).toFixed(digits)} %` : "–";
}

/** A loss or a perplexity: four digits after the point below 10, fewer above, powers of ten where it runs away. */
export function formatLoss(loss: number): string {
  if (!Number.isFinite(loss)) return Number.isNaN(loss) ? "NaN" : loss > 0 ? "∞" : "−∞";
  const size = Math.abs(loss);
  if (size >= 1e5 || (size > 0 && size < 1e-4)) return loss.toExponential(2);
  return loss.toFixed(size < 10 ? 4 : size < 1000 ? 2 : 0);
}

/** What a task's examples are counted in, and their rate. */
export function unitsOf(task: Task | undefined): { many: string; rate: string } {
  return task === "image-classify" ? { many: "images", rate: "img/s" } : { many: "tokens", rate: "tok/s" };
}

/** A learning rate in the shortest form with at most three digits: 0.001, 0.02, 5e-5, 8.19e-5. */
export function formatRate(rate: number): string {
  if (rate === 0 || !Number.isFinite(rate)) return String(rate);
  const rounded = Number(rate.toPrecision(3));
  return rounded < 0.001 ? rounded.toExponential().replace("e-0", "e-") : String(rounded);
}

/** 0.024 -> "24 ms", 4.2 -> "4.2 s", 95 -> "1 min 35 s", 7260 -> "2 h 1 min" */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds > 0 && seconds < 0.0995) return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** 95 -> "1:35", 3725 -> "1:02:05": a clock that does not change its width from second to second. */
export function formatClock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const pad = (value: number) => String(value).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${pad(whole % 60)}`;
  return `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${pad(whole % 60)}`;
}

/** A part of a model, such as a block, and how much of it is trained. */
export interface ModelPart {
  /** `wte`, `h.3`, `score` */
  readonly name: string;
  readonly trained: "all" | "some" | "none";
}

/**
 * The parts of a model from the embeddings or the stem to the head, as blocks: `transformer.h.3.attn.c_attn.weight`
 * belongs to `h.3`, `transformer.ln_f.weight` to `ln_f`, `layer1.0.conv1.weight` to `layer1.0`. The name of the trunk is
 * left out.
 */
export function modelParts(trainable: readonly string[], frozen: readonly string[]): ModelPart[] {
  const trunk = trunkOf([...frozen, ...trainable].map(partOf));
  const counts = new Map<string, { trained: number; frozen: number }>();
  const count = (names: readonly string[], kind: "trained" | "frozen") => {
    for (const name of names) {
      const whole = partOf(name);
      const part = whole.startsWith(trunk) ? whole.slice(trunk.length) : whole;
      if (!counts.has(part)) counts.set(part, { trained: 0, frozen: 0 });
      counts.get(part)![kind]++;
    }
  };
  count(frozen, "frozen");
  count(trainable, "trained");
  return [...counts]
    .map(([name, parts]) => ({
      name,
      trained: parts.frozen === 0 ? ("all" as const) : parts.trained === 0 ? ("none" as const) : ("some" as const),
    }))
    .sort((a, b) => place(a.name) - place(b.name) || compareBlocks(a.name, b.name));
}

/** Up to and with the block's number, else without the parameter's own name. */
function partOf(name: string): string {
  const numbered = name.match(/^(?:.*?\.)?\d+(?=\.|$)/);
  if (numbered) return numbered[0];
  const end = name.lastIndexOf(".");
  return end < 0 ? name : name.slice(0, end);
}

/** `transformer.`, where the blocks are called `transformer.h.0`; empty where they are called `h.0`. */
function trunkOf(parts: readonly string[]): string {
  return parts.map((part) => part.match(/^([^.]+\.)(?!\d+$).*\d+$/)?.[1]).find((stem) => stem !== undefined) ?? "";
}

const EMBEDDINGS = /(^|\.)(wte|wpe|embeddings?|embed_tokens|embedder)(\.|$)/;
/** What comes before the blocks of an image model, where they are `layer1.0` and so on. */
const STEM = /^(conv|bn|norm)\d*$/;
const HEAD = /(^|\.)(score|lm_head|classifier|head|linear|fc\d*)(\.|$)/;

/** Embeddings and stem stand before the blocks, the final norm and the heads behind them; a sort keeps the rest. */
function place(part: string): number {
  if (EMBEDDINGS.test(part) || STEM.test(part)) return 0;
  if (HEAD.test(part)) return 3;
  if (/\.?\d+$/.test(part)) return 1;
  return /norm|ln_f/.test(part) ? 2 : 3;
}

/** Blocks by their numbers, from the left: `layer1.2` before `layer2.0`, `h.9` before `h.10`; parts without are equal. */
function compareBlocks(a: string, b: string): number {
  if (place(a) !== 1) return 0;
  const [one, other] = [a, b].map((part) => (part.match(/\d+/g) ?? []).map(Number));
  for (let i = 0; i < Math.min(one.length, other.length); i++) if (one[i] !== other[i]) return one[i] - other[i];
  return one.length - other.length;
}

/** Parts in a few words, runs of blocks joined: `wte, wpe, h.0 – h.9`. */
export function joinParts(names: readonly string[]): string {
  const words: string[] = [];
  for (let i = 0; i < names.length; i++) {
    const [, stem, number] = names[i].match(/^(.*?)(\d+)$/) ?? [];
    let last = i;
    while (stem !== undefined && names[last + 1] === `${stem}${Number(number) + last + 1 - i}`) last++;
    words.push(last > i ? `${names[i]} – ${names[last]}` : names[i]);
    i = last;
  }
  return words.join(", ");
}
