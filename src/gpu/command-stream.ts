import type { PooledBuffer } from "./buffer-pool.ts";
import { BUFFER_USAGE } from "./buffer-pool.ts";
import { type KernelVariant, PARAM_SLOT_BYTES, type ParamValues } from "./kernel.ts";
import type { PipelineCache } from "./pipeline-cache.ts";
import type { WorkTimer } from "./work-timer.ts";

/** A byte range of a buffer, as a kernel sees it. */
export interface BufferBinding {
  readonly buffer: PooledBuffer;
  /** Multiple of the device's storage offset alignment. */
  readonly offset: number;
  readonly size: number;
}

export interface CommandStatistics {
  dispatches: number;
  submits: number;
  bindGroupsCreated: number;
}

/** Dispatches in one submit at most; also the number of slots of the uniform slab. */
const SLOTS = 512;

/** Bind groups kept; batches of ever other lengths would otherwise leave ever more of them. */
const KEPT_BIND_GROUPS = 4096;

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
  /** Takes the time of passes and submits while it is set. */
  timer: WorkTimer | undefined;
  readonly #slab: GPUBuffer;
  readonly #words = new Uint32Array((SLOTS * PARAM_SLOT_BYTES) / 4);
  readonly #floats = new Float32Array(this.#words.buffer);
  readonly #slotGroups: GPUBindGroup[] = [];
  /** In the order of making, with the buffers each one holds. */
  readonly #bindGroups = new Map<string, { group: GPUBindGroup; buffers: readonly PooledBuffer[] }>();
  readonly #doomed: PooledBuffer[] = [];
  #slot = 0;
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #pipeline: GPUComputePipeline | undefined;

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
    if (bindings.length !== kernel.layoutKey.length) {
      throw new Error(`kernel ${kernel.name}: ${bindings.length} bindings given, expected ${kernel.layoutKey.length}`);
    }
    if (this.#slot === SLOTS) this.flush();
    const pipeline = this.pipelines.get(variant);
    const group = this.#bindGroup(kernel.layoutKey, bindings);
    kernel.writeParams(params, this.#words, this.#floats, (this.#slot * PARAM_SLOT_BYTES) / 4);

    this.#encoder ??= this.device.createCommandEncoder();
    if (!this.#pass) {
      this.#pass = this.#encoder.beginComputePass(this.timer?.nextPass());
      this.#pipeline = undefined;
    }
    if (this.#pipeline !== pipeline) this.#pass.setPipeline(pipeline);
    this.#pipeline = pipeline;
    this.#pass.setBindGroup(0, group);
    this.#pass.setBindGroup(1, this.#slotGroup(this.#slot));
    this.#pass.dispatchWorkgroups(grid[0], grid[1], grid[2]);
    this.#slot++;
    this.statistics.dispatches++;
    for (const { buffer } of bindings) buffer.lastBatch = this.batch;
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
        this.device.queue.writeBuffer(this.#slab, 0, this.#words, 0, (this.#slot * PARAM_SLOT_BYTES) / 4);
      }
      const commands = this.#encoder.finish();
      this.timer?.willSubmit();
      this.device.queue.submit([commands]);
      this.statistics.submits++;
      this.#encoder = undefined;
      this.#slot = 0;
      this.batch++;
    }
    for (const buffer of this.#doomed.splice(0)) buffer.raw.destroy();
  }

  /** Destroys a buffer once no unsubmitted command names it, and forgets the bind groups that hold it. */
  destroy(buffer: PooledBuffer): void {
    for (const key of [...buffer.bindGroupKeys]) this.#forget(key);
    if (buffer.lastBatch === this.batch) this.#doomed.push(buffer);
    else buffer.raw.destroy();
  }

  close(): void {
    this.#endPass();
    this.#encoder = undefined;
    this.#slab.destroy();
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
  }

  #slotGroup(slot: number): GPUBindGroup {
    let group = this.#slotGroups[slot];
    if (!group) {
      group = this.device.createBindGroup({
        layout: this.pipelines.paramLayout,
        entries: [
          {
            binding: 0,
            resource: { buffer: this.#slab, offset: slot * PARAM_SLOT_BYTES, size: PARAM_SLOT_BYTES },
          },
        ],
      });
      this.#slotGroups[slot] = group;
      this.statistics.bindGroupsCreated++;
    }
    return group;
  }

  #bindGroup(layoutKey: string, bindings: readonly BufferBinding[]): GPUBindGroup {
    let key = layoutKey;
    for (const { buffer, offset, size } of bindings) key += `|${buffer.id},${offset},${size}`;
    const kept = this.#bindGroups.get(key);
    if (kept) return kept.group;
    const group = this.device.createBindGroup({
      layout: this.pipelines.storageLayout(layoutKey),
      entries: bindings.map(({ buffer, offset, size }, binding) => ({
        binding,
        resource: { buffer: buffer.raw, offset, size },
      })),
    });
    const buffers = bindings.map(({ buffer }) => buffer);
    this.#bindGroups.set(key, { group, buffers });
    for (const buffer of buffers) buffer.bindGroupKeys.add(key);
    this.statistics.bindGroupsCreated++;
    if (this.#bindGroups.size > KEPT_BIND_GROUPS) this.#forget(this.#bindGroups.keys().next().value!);
    return group;
  }

  #forget(key: string): void {
    for (const buffer of this.#bindGroups.get(key)?.buffers ?? []) buffer.bindGroupKeys.delete(key);
    this.#bindGroups.delete(key);
  }
}
