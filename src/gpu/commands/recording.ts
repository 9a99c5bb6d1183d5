import { type PooledBuffer, sizeClass } from "../buffer-pool.ts";
import type { CaptureError } from "../errors.ts";
import { type KernelVariant, PARAM_SLOT_BYTES, type ParamValues } from "../kernel/kernel.ts";
import type { BufferBinding } from "./command-stream.ts";
import type { Lifetime } from "./packing.ts";

const SLOT_WORDS = PARAM_SLOT_BYTES / 4;

/** A kernel run of a recording. Its parameters are the words of the slot that has its number. */
export interface RecordedDispatch {
  readonly variant: KernelVariant;
  readonly bindings: readonly BufferBinding[];
  readonly grid: readonly [number, number, number];
}

export interface RecordedCopy {
  readonly from: PooledBuffer;
  readonly fromOffset: number;
  readonly to: PooledBuffer;
  readonly toOffset: number;
  readonly bytes: number;
}

export type RecordedCommand = RecordedDispatch | RecordedCopy;

/**
 * What a step would do, without doing it: kernels, copies, effects on the host. Buffers made meanwhile are stand-ins of
 * their sizes without memory; which memory they get is decided when the whole list is known.
 */
export class Recording {
  readonly commands: RecordedCommand[] = [];
  /** Effects and parameters that are functions, in their order. */
  readonly hostActions: (() => void)[] = [];
  /** Buffers from outside, with the number of times they had been given back when they were first used. */
  readonly outside = new Map<PooledBuffer, number>();
  readonly lifetimes = new Map<PooledBuffer, Lifetime>();
  /** Stand-ins that something still refers to. */
  readonly held = new Set<PooledBuffer>();
  /** What was attempted that cannot be recorded. */
  failure: CaptureError | undefined;
  words = new Uint32Array(64 * SLOT_WORDS);
  #floats = new Float32Array(this.words.buffer);
  #dispatches = 0;
  #nextId = -1;

  constructor(private readonly largestBytes: number) {}

  get dispatches(): number {
    return this.#dispatches;
  }

  allocate(bytes: number): PooledBuffer {
    const size = Math.min(sizeClass(bytes), Math.floor(this.largestBytes / 4) * 4);
    const raw = undefined as unknown as GPUBuffer;
    const buffer = {
      id: this.#nextId--,
      raw,
      size,
      lastBatch: -1,
      bindGroups: new Set<never>(),
      uses: 0,
      isReserved: false,
      recording: this,
    };
    this.held.add(buffer);
    return buffer;
  }

  /** Called when the last tensor lets go of a stand-in. */
  free(buffer: PooledBuffer): void {
    this.held.delete(buffer);
    buffer.uses++;
  }

  dispatch(
    variant: KernelVariant,
    bindings: readonly BufferBinding[],
    params: ParamValues,
    grid: readonly [number, number, number],
  ): void {
    if (grid[0] === 0 || grid[1] === 0 || grid[2] === 0) return;
    const base = this.#dispatches++ * SLOT_WORDS;
    if (base + SLOT_WORDS > this.words.length) {
      const words = new Uint32Array(2 * this.words.length);
      words.set(this.words);
      this.words = words;
      this.#floats = new Float32Array(words.buffer);
    }
    variant.kernel.writeParams(params, bindings, this.words, this.#floats, base, (isFloat, at, value) =>
      this.hostActions.push(() => {
        (isFloat ? this.#floats : this.words)[at] = value();
      }),
    );
    const { layoutKey } = variant.kernel;
    for (const [i, { buffer }] of bindings.entries()) {
      this.#use(buffer);
      for (let j = 0; j < i; j++) {
        if (layoutKey[i] === "w" || layoutKey[j] === "w") this.#separate(buffer, bindings[j].buffer);
      }
    }
    this.commands.push({ variant, bindings: [...bindings], grid: [...grid] });
  }

  copy(from: PooledBuffer, fromOffset: number, to: PooledBuffer, toOffset: number, bytes: number): void {
    this.#use(from);
    this.#use(to);
    this.#separate(from, to);
    this.commands.push({ from, fromOffset, to, toOffset, bytes });
  }

  /** Whether a buffer from outside has been given back since: what lies in it is something else now. */
  get isStale(): boolean {
    for (const [buffer, uses] of this.outside) if (buffer.uses !== uses) return true;
    return false;
  }

  #use(buffer: PooledBuffer): void {
    if (buffer.recording !== this) {
      if (!this.outside.has(buffer)) this.outside.set(buffer, buffer.uses);
      return;
    }
    const place = this.commands.length;
    const lifetime = this.lifetimes.get(buffer);
    if (lifetime) lifetime.last = place;
    else this.lifetimes.set(buffer, { buffer, first: place, last: place, conflicts: new Set() });
  }

  #separate(a: PooledBuffer, b: PooledBuffer): void {
    if (a === b) return;
    this.lifetimes.get(a)?.conflicts.add(b);
    this.lifetimes.get(b)?.conflicts.add(a);
  }
}
