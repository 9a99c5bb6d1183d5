import { type PooledBuffer, sizeClass } from "./buffer-pool.ts";
import type { BufferBinding } from "./command-stream.ts";
import { CaptureError } from "./errors.ts";
import { type KernelVariant, PARAM_SLOT_BYTES, type ParamValues } from "./kernel.ts";

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

/** When a recorded buffer is first and last named: places in the list of commands, both inclusive. */
export interface Lifetime {
  readonly buffer: PooledBuffer;
  readonly first: number;
  last: number;
}

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
    for (const { buffer } of bindings) this.#use(buffer);
    this.commands.push({ variant, bindings: [...bindings], grid: [...grid] });
  }

  copy(from: PooledBuffer, fromOffset: number, to: PooledBuffer, toOffset: number, bytes: number): void {
    this.#use(from);
    this.#use(to);
    this.commands.push({ from, fromOffset, to, toOffset, bytes });
  }

  /** @throws CaptureError when a buffer from outside has been given back since: what lies in it is something else now. */
  requireOutside(): void {
    for (const [buffer, uses] of this.outside) {
      if (buffer.uses !== uses) {
        throw new CaptureError(
          "a tensor that the step uses, a parameter or a state, was disposed after it was captured",
        );
      }
    }
  }

  #use(buffer: PooledBuffer): void {
    if (buffer.recording !== this) {
      if (!this.outside.has(buffer)) this.outside.set(buffer, buffer.uses);
      return;
    }
    const place = this.commands.length;
    const lifetime = this.lifetimes.get(buffer);
    if (lifetime) lifetime.last = place;
    else this.lifetimes.set(buffer, { buffer, first: place, last: place });
  }
}

/** Pieces of memory, each for some lifetimes that do not overlap. */
export interface Packing {
  /** Bytes of each piece. */
  readonly sizes: readonly number[];
  /** Which piece each buffer gets. */
  readonly places: ReadonlyMap<PooledBuffer, number>;
}

/**
 * Gives buffers of disjoint lifetimes the same memory: from the largest down, each goes to the smallest piece that is
 * free all the while. Pieces are whole buffers, since WebGPU forbids reading from and writing to parts of one buffer in
 * one dispatch.
 */
export function packLifetimes(lifetimes: Iterable<Lifetime>): Packing {
  const pieces: { size: number; taken: Lifetime[] }[] = [];
  const places = new Map<PooledBuffer, number>();
  const descending = [...lifetimes].sort((a, b) => b.buffer.size - a.buffer.size || a.first - b.first);
  for (const lifetime of descending) {
    const { first, last } = lifetime;
    // Later pieces are smaller, and all are large enough.
    let place = pieces.length - 1;
    while (place >= 0 && pieces[place].taken.some((other) => other.first <= last && first <= other.last)) place--;
    if (place < 0) place = pieces.push({ size: lifetime.buffer.size, taken: [] }) - 1;
    pieces[place].taken.push(lifetime);
    places.set(lifetime.buffer, place);
  }
  return { sizes: pieces.map(({ size }) => size), places };
}
