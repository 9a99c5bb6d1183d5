import { contiguous } from "../kernels/copy.ts";
import { gatherGradients } from "../kernels/optimizer/gather-gradients.ts";
import type { UpdateRun } from "../kernels/optimizer/units.ts";
import type { Tensor } from "../tensor/index.ts";
import type { ParameterPack, Segment } from "./parameter-pack.ts";

/** A parameter that has a gradient. */
export interface PresentSegment {
  readonly segment: Segment;
  readonly gradient: Tensor;
}

/** What one dispatch updates, with a parameter of each class that occurs in it. */
export interface PlannedRun {
  readonly run: UpdateRun;
  readonly classes: readonly (Segment | undefined)[];
}

/** Elements of a gradient that is moved to its place rather than updated by a dispatch of its own. */
const GATHERED_ELEMENTS = 1 << 18;

/**
 * The runs that update the parameters of a pack that have a gradient, in order: as few as can be. Gradients that are small
 * and not at their places are moved there first; a large one has a run of its own, and so have neighbours of one class
 * that have taken different numbers of steps.
 */
export function runsOf(
  pack: ParameterPack,
  present: readonly PresentSegment[],
  kinds: readonly string[],
  states: ReadonlyMap<string, Tensor>,
  stepsOf: (name: string) => number,
): PlannedRun[] {
  const placed = inPlace(pack, present);
  const stretches: PresentSegment[][] = [];
  for (const next of placed) {
    const open = stretches.at(-1);
    const fits = open && pack.isInPlace(next.segment, next.gradient) && continues(pack, open, next, stepsOf);
    if (fits) open.push(next);
    else stretches.push([next]);
  }
  return stretches.map((stretch) => planRun(pack, stretch, kinds, states));
}

/** The same with small gradients moved to their places. */
function inPlace(pack: ParameterPack, present: readonly PresentSegment[]): PresentSegment[] {
  const moves: { from: Tensor; to: Tensor }[] = [];
  const placed = present.map(({ segment, gradient }) => {
    if (pack.isInPlace(segment, gradient)) return { segment, gradient };
    const place = gradient.size <= GATHERED_ELEMENTS ? pack.place(segment) : undefined;
    if (!place) return { segment, gradient: contiguous(gradient) };
    moves.push({ from: contiguous(gradient), to: place });
    return { segment, gradient: place };
  });
  if (moves.length > 0) gatherGradients(moves);
  return placed;
}

function continues(
  pack: ParameterPack,
  stretch: readonly PresentSegment[],
  { segment }: PresentSegment,
  stepsOf: (name: string) => number,
): boolean {
  const last = stretch[stretch.length - 1];
  if (!pack.isInPlace(last.segment, last.gradient)) return false;
  if (last.segment.firstUnit + last.segment.unitCount !== segment.firstUnit) return false;
  if (!areTogether(last.segment, segment)) return false;
  const ofClass = stretch.find((other) => other.segment.classIndex === segment.classIndex);
  return !ofClass || stepsOf(ofClass.segment.name) === stepsOf(segment.name);
}

/** Whether two parameters lie as the pack has put them: another optimizer may have moved them since. */
const areTogether = (a: Segment, b: Segment): boolean =>
  a.parameter.storage.buffer === b.parameter.storage.buffer &&
  a.parameter.offset - a.begin === b.parameter.offset - b.begin;

function planRun(
  pack: ParameterPack,
  stretch: readonly PresentSegment[],
  kinds: readonly string[],
  states: ReadonlyMap<string, Tensor>,
): PlannedRun {
  const { segment: first, gradient } = stretch[0];
  const { segment: last } = stretch[stretch.length - 1];
  const length = last.begin + last.parameter.size - first.begin;
  const flat = (x: Tensor): Tensor => x.view([length], [1]);
  const classes: (Segment | undefined)[] = [];
  for (const { segment } of stretch) classes[segment.classIndex] ??= segment;
  return {
    run: {
      units: pack.units,
      firstUnit: first.firstUnit,
      unitCount: last.firstUnit + last.unitCount - first.firstUnit,
      origin: first.begin / 4,
      ordinal: first.ordinal,
      parameter: flat(first.parameter),
      gradient: flat(gradient),
      states: kinds.map((kind) => flat(states.get(`${first.name}.${kind}`)!)),
    },
    classes: Array.from(classes),
  };
}
