import type { PooledBuffer } from "../buffer-pool.ts";
import { BUFFER_USAGE } from "../buffer-pool.ts";
import { CaptureError } from "../errors.ts";
import { type KernelVariant, PARAM_SLOT_BYTES, type ParamValues } from "../kernel/kernel.ts";
import type { PipelineCache } from "../kernel/pipeline-cache.ts";
import { BindGroupCache } from "./bind-group-cache.ts";
import type { RecordedCopy } from "./recording.ts";
import type { WorkTimer } from "./work-timer.ts";

/** A byte range of a buffer, as a kernel sees it. */
export interface BufferBinding {
  readonly buffer: PooledBuffer;
  /** Multiple of the device's storage offset alignment. */
  readonly offset: number;
  readonly size: number;
  /** Where a tensor's first element lies in the range, for the parameter `xOffset` of a binding `x`. */
  readonly element?: number;
}

export interface CommandStatistics {
  dispatches: number;
  submits: number;
  bindGroupsCreated: number;
}

/** A recorded command with everything that a run of it needs. */
export type PreparedCommand = PreparedDispatch | RecordedCopy;

interface PreparedDispatch {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly grid: readonly [number, number, number];
}

/** Dispatches in one submit at most; also the number of slots of the uniform slab. */
const SLOTS = 512;
const SLOT_WORDS = PARAM_SLOT_BYTES / 4;

/**
 * Records dispatches into one open compute pass and submits them in batches.
 *
 * Parameters go into a slab of 256-byte slots that is uploaded once, right before the submit. That is correct
 * because `queue.writeBuffer` is ordered with submits: it comes after the batch before and ahead of this one.
 */
export class CommandStream {
  readonly statistics: CommandStatistics = { dispatches: 0, submits: 0, bindGroupsCreated: 0 };
  /** Number of the open batch. A buffer with this `lastBatch` is named by commands not yet submitted. */
  batch = 0;
  /** Dispatches of one workgroup and of more, since somebody last waited for all work. */
  readonly unawaited = { narrow: 0, wide: 0 };
  /** Takes the time of passes and submits while it is set. */
  timer: WorkTimer | undefined;
  readonly #slab: GPUBuffer;
  readonly #words = new Uint32Array(SLOTS * SLOT_WORDS);
  readonly #floats = new Float32Array(this.#words.buffer);
  readonly #slotGroups: GPUBindGroup[] = [];
  readonly #bindGroups = new BindGroupCache((layoutKey, bindings) => this.#createBindGroup(layoutKey, bindings));
  readonly #doomed: PooledBuffer[] = [];
  /** Slots filled and dispatches recorded since the last submit. */
  #slot = 0;
  #recorded = 0;
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  /** What the open pass has set. */
  #pipeline: GPUComputePipeline | undefined;
  #group: GPUBindGroup | undefined;
  #setSlot = -1;

  constructor(
    private readonly device: GPUDevice,
    private readonly pipelines: PipelineCache,
  ) {
    this.#slab = device.createBuffer({
      label: "uniform slab",
      size: SLOTS * PARAM_SLOT_BYTES,
      usage: BUFFER_USAGE.UNIFORM | BUFFER_USAGE.COPY_DST,
    });
  }

  dispatch(
    variant: KernelVariant,
    bindings: readonly BufferBinding[],
    params: ParamValues,
    grid: readonly [number, number, number],
  ): void {
    if (grid[0] === 0 || grid[1] === 0 || grid[2] === 0) return;
    const { kernel } = variant;
    if (bindings.length !== kernel.bindingCount) {
      throw new Error(`kernel ${kernel.name}: ${bindings.length} bindings given, expected ${kernel.bindingCount}`);
    }
    if (this.#recorded >= SLOTS || this.#slot === SLOTS) this.flush();
    const pipeline = this.pipelines.get(variant);
    const group = this.#bindGroups.get(kernel.layoutKey, bindings);
    const base = this.#slot * SLOT_WORDS;
    kernel.writeParams(params, bindings, this.#words, this.#floats, base);
    const isAsBefore = this.#slot > 0 && this.#areEqual(base - SLOT_WORDS, base, kernel.paramWords);
    this.#encode(pipeline, group, grid, isAsBefore ? this.#slot - 1 : this.#slot++);
    for (const { buffer } of bindings) buffer.lastBatch = this.batch;
  }

  /** What a dispatch needs each time it is replayed. */
  prepare(
    variant: KernelVariant,
    bindings: readonly BufferBinding[],
    grid: readonly [number, number, number],
  ): PreparedCommand {
    const pipeline = this.pipelines.get(variant);
    return { pipeline, group: this.#bindGroups.get(variant.kernel.layoutKey, bindings), grid };
  }

  /**
   * Runs prepared commands. The n-th dispatch has its parameters in the n-th slot of `words`; `named` are all buffers that
   * the commands name.
   */
  replay(commands: readonly PreparedCommand[], words: Uint32Array, named: readonly PooledBuffer[]): void {
    let dispatched = 0;
    // Slots up to here have been copied into the slab.
    let copied = 0;
    for (const command of commands) {
      if ("bytes" in command) {
        this.copy(command.from, command.fromOffset, command.to.raw, command.toOffset, command.bytes);
        continue;
      }
      if (this.#slot === SLOTS) this.flush();
      if (dispatched === copied) {
        copied = Math.min(dispatched + SLOTS - this.#slot, words.length / SLOT_WORDS);
        this.#words.set(words.subarray(dispatched * SLOT_WORDS, copied * SLOT_WORDS), this.#slot * SLOT_WORDS);
      }
      this.#encode(command.pipeline, command.group, command.grid, this.#slot++);
      dispatched++;
    }
    for (const buffer of named) buffer.lastBatch = this.batch;
  }

  /** Whether two stretches of the slab have the same words: a chain of like dispatches shares a slot. */
  #areEqual(a: number, b: number, length: number): boolean {
    const words = this.#words;
    for (let i = 0; i < length; i++) if (words[a + i] !== words[b + i]) return false;
    return true;
  }

  #encode(
    pipeline: GPUComputePipeline,
    group: GPUBindGroup,
    grid: readonly [number, number, number],
    slot: number,
  ): void {
    const pass = this.#pass ?? this.#beginPass();
    if (this.#pipeline !== pipeline) pass.setPipeline(pipeline);
    if (this.#group !== group) pass.setBindGroup(0, group);
    if (this.#setSlot !== slot) pass.setBindGroup(1, this.#slotGroups[slot] ?? this.#createSlotGroup(slot));
    pass.dispatchWorkgroups(grid[0], grid[1], grid[2]);
    this.#pipeline = pipeline;
    this.#group = group;
    this.#setSlot = slot;
    this.#recorded++;
    this.statistics.dispatches++;
    if (grid[0] * grid[1] * grid[2] > 1) this.unawaited.wide++;
    else this.unawaited.narrow++;
  }

  copy(from: PooledBuffer, fromOffset: number, to: GPUBuffer, toOffset: number, bytes: number): void {
    this.#endPass();
    this.#encoder ??= this.device.createCommandEncoder();
    this.#encoder.copyBufferToBuffer(from.raw, fromOffset, to, toOffset, bytes);
    from.lastBatch = this.batch;
  }

  /** Uploads host bytes. Commands already recorded that name the buffer are submitted first. */
  upload(buffer: PooledBuffer, offset: number, bytes: Uint8Array): void {
    if (buffer.lastBatch === this.batch) this.flush();
    const aligned = bytes.byteLength & ~3;
    if (aligned > 0) this.device.queue.writeBuffer(buffer.raw, offset, bytes, 0, aligned);
    if (aligned < bytes.byteLength) {
      const tail = new Uint8Array(4);
      tail.set(bytes.subarray(aligned));
      this.device.queue.writeBuffer(buffer.raw, offset + aligned, tail);
    }
  }

  /** Submits what has been recorded. */
  flush(): void {
    this.#endPass();
    if (this.#encoder) {
      if (this.#slot > 0) {
        this.device.queue.writeBuffer(this.#slab, 0, this.#words, 0, this.#slot * SLOT_WORDS);
      }
      const commands = this.#encoder.finish();
      this.timer?.willSubmit();
      this.device.queue.submit([commands]);
      this.statistics.submits++;
      this.#encoder = undefined;
      this.#slot = 0;
      this.#recorded = 0;
      this.batch++;
    }
    for (const buffer of this.#doomed.splice(0)) buffer.raw.destroy();
  }

  /** Destroys a buffer once no unsubmitted command names it, and forgets the bind groups that hold it. */
  destroy(buffer: PooledBuffer): void {
    this.#bindGroups.forgetAllOf(buffer);
    if (buffer.lastBatch === this.batch) this.#doomed.push(buffer);
    else buffer.raw.destroy();
  }

  close(): void {
    this.#endPass();
    this.#encoder = undefined;
    this.#slab.destroy();
  }

  #beginPass(): GPUComputePassEncoder {
    this.#encoder ??= this.device.createCommandEncoder();
    this.#pipeline = undefined;
    this.#group = undefined;
    this.#setSlot = -1;
    this.#pass = this.#encoder.beginComputePass(this.timer?.nextPass());
    return this.#pass;
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
  }

  #createSlotGroup(slot: number): GPUBindGroup {
    const resource = { buffer: this.#slab, offset: slot * PARAM_SLOT_BYTES, size: PARAM_SLOT_BYTES };
    const group = this.device.createBindGroup({
      layout: this.pipelines.paramLayout,
      entries: [{ binding: 0, resource }],
    });
    this.#slotGroups[slot] = group;
    this.statistics.bindGroupsCreated++;
    return group;
  }

  #createBindGroup(layoutKey: string, bindings: readonly BufferBinding[]): GPUBindGroup {
    if (bindings.some(({ buffer }) => !buffer.raw)) {
      throw new CaptureError("a tensor made inside the step was used outside of it before the step ran");
    }
    this.statistics.bindGroupsCreated++;
    return this.device.createBindGroup({
      layout: this.pipelines.storageLayout(layoutKey),
      entries: bindings.map(({ buffer, offset, size }, binding) => ({
        binding,
        resource: { buffer: buffer.raw, offset, size },
      })),
    });
  }
}
