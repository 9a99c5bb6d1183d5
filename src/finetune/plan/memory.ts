import type { Allocation } from "../../gpu/index.ts";

/** What memory is held for. */
export const MEMORY_KINDS = ["weights", "gradients", "moments", "activations", "cache", "workspace"] as const;
/** One of the kinds of memory that a training takes. */
export type MemoryKind = (typeof MEMORY_KINDS)[number];
/** Bytes of each kind. */
export type BytesByKind = Record<MemoryKind, number>;

const noBytes = (): BytesByKind => Object.fromEntries(MEMORY_KINDS.map((kind) => [kind, 0])) as BytesByKind;

export const isCache = ({ label }: Allocation): boolean => label.startsWith("activation cache");

/** A stretch of a rehearsal that ends with an event. */
export interface Phase {
  /** Type of the event. */
  readonly type: string;
  /** First and last place in the order of allocations and releases. */
  readonly from: number;
  readonly to: number;
  /** Most bytes held at a time. */
  readonly peakBytes: number;
  /** Bytes of kept activations when it began. */
  readonly cacheBytes: number;
}

/** Bytes that the kept activations of a set of examples take. */
export interface CacheSize {
  /** Of all examples, and of those that come before the largest batch. */
  readonly all: number;
  readonly before: number;
  /** Whether some are turned away and computed each time. */
  readonly isFull: boolean;
}

export interface RunForm {
  readonly train: CacheSize;
  readonly valid: CacheSize;
  /** Whether an evaluation comes ahead of the first step. */
  readonly evaluatesFirst: boolean;
  /** Whether one comes ahead of any step, so that what it keeps is there while the run steps. */
  readonly evaluatesBetween: boolean;
  /** Whether the frozen part is run for all examples ahead of the first step. */
  readonly prefills: boolean;
  /** Bytes of the optimizer's state. */
  readonly moments: number;
}

/** Most memory held at a time, without kept activations, and of what it is. */
interface Height {
  bytes: number;
  kinds: BytesByKind;
}

/** What was held when most was, before and after the phase first took memory for kept activations. */
type Heights = readonly [before: Height, after: Height];

export interface Peak {
  readonly bytes: number;
  readonly kinds: BytesByKind;
  readonly during: "preparation" | "step" | "evaluation";
}

/** Most bytes of each kind that were held at a time, and the heights of each phase. */
export function followAllocations(
  allocations: readonly Allocation[],
  kindOf: (allocation: Allocation) => MemoryKind,
  phases: readonly Phase[],
): { most: BytesByKind; heights: readonly Heights[] } {
  const changes = allocations.flatMap((allocation) => {
    const kind = kindOf(allocation);
    const taken = { at: allocation.from, kind, bytes: allocation.bytes };
    const isHeld = allocation.to === Number.POSITIVE_INFINITY;
    return isHeld ? [taken] : [taken, { at: allocation.to, kind, bytes: -allocation.bytes }];
  });
  changes.sort((a, b) => a.at - b.at);
  const [now, most] = [noBytes(), noBytes()];
  let live = 0;
  let next = 0;
  const heights = phases.map(({ to }): Heights => {
    const pair: Heights = [
      { bytes: live, kinds: { ...now } },
      { bytes: 0, kinds: noBytes() },
    ];
    let part = 0;
    for (; next < changes.length && changes[next].at < to; next++) {
      const { kind, bytes } = changes[next];
      now[kind] += bytes;
      most[kind] = Math.max(most[kind], now[kind]);
      if (kind === "cache") part = 1;
      else live += bytes;
      if (live > pair[part].bytes) Object.assign(pair[part], { bytes: live, kinds: { ...now } });
    }
    return pair;
  });
  return { most, heights };
}

/**
 * The peak of a whole run from the phases of its rehearsal: each has what it had there, and the kept activations of all
 * examples that come before it in the run, where the rehearsal had only a few.
 */
export function peakOfRun(phases: readonly Phase[], heights: readonly Heights[], run: RunForm): Peak {
  const { train, valid, moments } = run;
  const all = train.all + valid.all;
  const besides = run.evaluatesFirst || run.evaluatesBetween ? all : train.all;
  const firstStep = phases.findIndex(({ type }) => type === "step");
  const candidates = phases.flatMap(({ type, peakBytes, cacheBytes }, i): Peak[] => {
    const [before, after] = heights[i];
    const at = ({ kinds }: Height, during: Peak["during"], cache: number, state = 0, noCache?: number): Peak => {
      // A step is recorded before its state is made, and run after.
      const own = { ...kinds, cache, moments: during === "step" ? moments : kinds.moments + state };
      const bytes = (noCache ?? total({ ...kinds, cache: 0 }) + state) + cache;
      return { during, bytes, kinds: adjust(own, bytes) };
    };
    if (type === "evaluation" && (firstStep < 0 || i < firstStep)) {
      const others = run.evaluatesFirst ? 0 : train.all;
      const state = run.evaluatesFirst ? 0 : moments;
      const again = valid.isFull ? [at(before, "evaluation", all, moments)] : [];
      return [
        at(before, "evaluation", valid.before + others, state),
        at(after, "evaluation", valid.all + others, state),
        ...again,
      ];
    }
    if (type === "prepare") {
      const others = run.evaluatesFirst ? valid.all : 0;
      const ahead = [at(before, "preparation", train.before + others), at(after, "preparation", train.all + others)];
      const again = at(before, "step", besides, moments);
      return run.prefills ? (train.isFull ? [...ahead, again] : ahead) : [again];
    }
    const during = type === "step" || type === "evaluation" ? type : "preparation";
    const highest = before.bytes > after.bytes ? before : after;
    const cache = { preparation: cacheBytes, step: besides, evaluation: all }[during];
    return [at(highest, during, cache, 0, peakBytes - cacheBytes)];
  });
  return candidates.reduce((a, b) => (b.bytes > a.bytes ? b : a));
}

const total = (bytes: BytesByKind): number => MEMORY_KINDS.reduce((sum, kind) => sum + bytes[kind], 0);

/** Makes kinds add up: a captured step packs its memory by lifetimes, so that several things have the same place. */
function adjust(kinds: BytesByKind, bytes: number): BytesByKind {
  const result = { ...kinds };
  let over = total(kinds) - bytes;
  if (over < 0) result.workspace -= over;
  for (const kind of ["workspace", "activations", "gradients"] as const) {
    const less = Math.max(0, Math.min(over, result[kind]));
    result[kind] -= less;
    over -= less;
  }
  return result;
}
