import { offerGradientHome } from "../autograd/index.ts";
import type { Gpu } from "../gpu/index.ts";
import { copyInto, full } from "../kernels/copy.ts";
import { CLASSES } from "../kernels/optimizer/steps.ts";
import { UNIT, unitRows, unitTable } from "../kernels/optimizer/units.ts";
import { contiguousStrides, empty, keep, Storage, Tensor } from "../tensor/index.ts";
import type { ParameterGroup } from "./optimizers.ts";

// Plain numbers: bundlers keep an unused 1 << 26.
/** Bytes of parameters that lie side by side in one buffer, 64 MiB at most. */
const PACK_BYTES = 67_108_864;
/** Larger parameters stay where they are: a dispatch of their own costs next to nothing, and they are not moved. */
const PACKED_BYTES = 16_777_216;
/** Elements on whose multiples parameters begin: 256 bytes. */
const ALIGNMENT = 64;

/** A parameter in its pack. */
export interface Segment {
  readonly name: string;
  readonly parameter: Tensor;
  readonly group: ParameterGroup;
  /** Place of its group among those of the pack. */
  readonly classIndex: number;
  /** First element in the pack. */
  readonly begin: number;
  readonly firstUnit: number;
  readonly unitCount: number;
  /** Place of its first unit among all of the optimizer. */
  readonly ordinal: number;
}

/** A parameter ahead of its place. */
export type Candidate = Pick<Segment, "name" | "parameter" | "group">;

/** Whether a parameter may lie with others: trained, and nothing else refers to its memory. */
const canMove = ({ parameter }: Candidate): boolean =>
  parameter.requiresGrad &&
  parameter.dtype === "f32" &&
  parameter.isContiguous &&
  !parameter.storage.isShared &&
  parameter.size > 0;

const bytesOf = ({ size }: Tensor): number => Math.ceil(size / ALIGNMENT) * ALIGNMENT * 4;

/** Puts the parameters of groups into packs, in order; large ones and those that cannot be moved have one each. */
export function packParameters(candidates: readonly Candidate[]): ParameterPack[] {
  const packs: ParameterPack[] = [];
  let open: Candidate[] = [];
  let bytes = 0;
  let ordinal = 0;
  const add = (members: readonly Candidate[], isPacked: boolean): void => {
    const pack = new ParameterPack(members, isPacked, ordinal);
    packs.push(pack);
    ordinal += pack.unitCount;
  };
  const close = (): void => {
    if (open.length > 0) add(open, open.length > 1);
    [open, bytes] = [[], 0];
  };
  for (const candidate of candidates) {
    const { gpu } = candidate.parameter;
    // Buffers are rounded up to size classes, of which powers of two are some: a pack is bound whole.
    const most = Math.min(PACK_BYTES, 2 ** Math.floor(Math.log2(gpu.limits.maxStorageBufferBindingSize)));
    const own = bytesOf(candidate.parameter);
    if (own > Math.min(PACKED_BYTES, most / 4) || !canMove(candidate)) {
      add([candidate], false);
      continue;
    }
    const groups = new Set([...open, candidate].map(({ group }) => group));
    if (open.length > 0 && (open[0].parameter.gpu !== gpu || bytes + own > most || groups.size > CLASSES)) close();
    open.push(candidate);
    bytes += own;
  }
  close();
  return packs;
}

/**
 * Parameters that lie side by side in one buffer, so that one dispatch updates them all; their moments lie in buffers of
 * the same layout, and so do gradients that are written to the places offered for them. A pack of one parameter leaves it
 * where it is.
 */
export class ParameterPack {
  readonly segments: readonly Segment[];
  readonly groups: readonly ParameterGroup[];
  readonly isPacked: boolean;
  /** Elements, those between parameters among them. */
  readonly length: number;
  readonly unitCount: number;
  #units: Tensor | undefined;
  readonly #states = new Map<string, Tensor>();
  #gradients: Storage | undefined;
  /** What lies at each segment's place for its gradient. */
  readonly #places = new Map<Segment, Storage>();
  readonly #offers: (() => void)[] = [];
  readonly #gpu: Gpu;

  /** @param ordinal place of its first unit among all of the optimizer */
  constructor(candidates: readonly Candidate[], isPacked: boolean, ordinal: number) {
    this.isPacked = isPacked;
    this.#gpu = candidates[0].parameter.gpu;
    this.groups = [...new Set(candidates.map(({ group }) => group))];
    let [begin, firstUnit] = [0, 0];
    this.segments = candidates.map((candidate) => {
      const unitCount = Math.ceil(candidate.parameter.size / UNIT);
      const classIndex = this.groups.indexOf(candidate.group);
      const segment = { ...candidate, classIndex, begin, firstUnit, unitCount, ordinal: ordinal + firstUnit };
      begin += bytesOf(candidate.parameter) / 4;
      firstUnit += unitCount;
      return segment;
    });
    this.length = begin;
    this.unitCount = firstUnit;
    if (!isPacked) return;
    this.#move();
    for (const segment of this.segments) {
      const { parameter } = segment;
      this.#offers.push(offerGradientHome(parameter, { gpu: this.#gpu, take: () => this.place(segment) }));
    }
  }

  /** [units, 4] of u32: first vector, elements, class, place among all units. */
  get units(): Tensor {
    this.#units ??= this.#gpu.outsideCapture(() => {
      const rows = this.segments.flatMap(({ parameter, begin, classIndex, ordinal }) =>
        unitRows(parameter.size, begin, classIndex, ordinal),
      );
      return keep(unitTable(rows, this.#gpu));
    });
    return this.#units;
  }

  /** Whether a gradient lies at the place offered for it. */
  isInPlace(segment: Segment, { storage, offset, isContiguous }: Tensor): boolean {
    return this.#places.get(segment) === storage && offset === segment.begin && isContiguous;
  }

  /** A new tensor at the place for a gradient; undefined while an earlier one is held there, or where there is none. */
  place(segment: Segment): Tensor | undefined {
    const { parameter, begin } = segment;
    if (!this.isPacked) return undefined;
    if (this.#places.get(segment)?.isReleased === false) return undefined;
    const isNew = !this.#gradients || this.#gradients.isReleased;
    const whole = isNew ? new Storage(this.#gpu, this.length * 4, "gradients") : this.#gradients!;
    const piece = whole.piece(begin * 4, bytesOf(parameter));
    // Only the gradients in it keep it alive.
    if (isNew) whole.release();
    this.#gradients = whole;
    this.#places.set(segment, piece);
    return new Tensor({ storage: piece, dtype: "f32", shape: parameter.shape, offset: begin });
  }

  /**
   * Moments of one kind of all segments, in the layout of the pack: made of zeros when first asked for, or of what `given`
   * has by the segment's name, which is freed.
   */
  states(kind: string, named: Map<string, Tensor>): void {
    if (this.#states.has(kind)) return;
    const gpu = this.#gpu;
    gpu.outsideCapture(() => {
      const all = keep(full(gpu, [this.length], 0));
      this.#states.set(kind, all);
      for (const { name, parameter, begin } of this.segments) {
        const view = keep(all.view(parameter.shape, contiguousStrides(parameter.shape), begin));
        const before = named.get(`${name}.${kind}`);
        if (before) copyInto(view, before);
        before?.dispose();
        named.set(`${name}.${kind}`, view);
      }
    });
  }

  /** Forgets the moments; their names' tensors are the caller's. */
  freeStates(): void {
    for (const state of this.#states.values()) state.dispose();
    this.#states.clear();
  }

  /** Frees what the optimizer needs; parameters stay where they are, and gradients that are held too. */
  dispose(): void {
    this.freeStates();
    this.#units?.dispose();
    this.#units = undefined;
    for (const takeBack of this.#offers.splice(0)) takeBack();
  }

  #move(): void {
    const gpu = this.#gpu;
    const whole = empty(gpu, [this.length], "f32", "parameters");
    for (const { parameter, begin } of this.segments) {
      const target = whole.view(parameter.shape, parameter.strides, begin);
      copyInto(target, parameter);
      target.dispose();
      const piece = whole.storage.piece(begin * 4, bytesOf(parameter));
      const before = parameter.exchangeStorage(piece, begin).storage;
      // Steps captured with it would go on with values of old: its use counts as over, though others may lie there still.
      before.buffer.uses++;
      before.release();
    }
    whole.dispose();
  }
}
