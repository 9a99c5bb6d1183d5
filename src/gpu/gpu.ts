import { type AdapterDescription, describeAdapter } from "./adapter/adapter.ts";
import { isInBrowser } from "./adapter/availability.ts";
import { type OpenedDevice, type OpenOptions, openDevice } from "./adapter/open.ts";
import { BUFFER_USAGE, BufferPool, type Label, type MemoryStatistics, type PooledBuffer } from "./buffer-pool.ts";
import { type BufferBinding, CommandStream } from "./commands/command-stream.ts";
import type { Recording } from "./commands/recording.ts";
import { type WorkTime, WorkTimer } from "./commands/work-timer.ts";
import { CaptureError, DeviceLostError, GpuError } from "./errors.ts";
import type { KernelVariant, ParamValues } from "./kernel/kernel.ts";
import { PipelineCache } from "./kernel/pipeline-cache.ts";
import { requireVariants, type VariantTable } from "./kernel/variants.ts";
import { warmUp } from "./kernel/warm-up.ts";

/** What a handle has done since it was opened, and what it holds. */
export interface GpuStatistics extends MemoryStatistics {
  dispatches: number;
  submits: number;
  bindGroupsCreated: number;
  pipelinesCreated: number;
  /** Tensors the garbage collector found undisposed; anything but 0 is a leak that was caught by the net. */
  rescuedTensors: number;
}

/** Bytes the pool may hold on software adapters, which never report out-of-memory: 8 GiB. */
const SOFTWARE_BUDGET_BYTES = 8 * 2 ** 30;

/** Buffers for reading back larger than this are given up after use: 16 MiB. */
const KEPT_STAGING_BYTES = 2 ** 24;
/** A device on a busy machine has told of its loss by then, in milliseconds. */
const LOSS_TOLD_WITHIN = 10_000;

/** Handles not closed; the first is the default. */
const openHandles: Gpu[] = [];

/**
 * A handle to one GPU device: buffers from a pool, dispatches batched into few submits, errors surfaced at
 * the next call. The only class that talks to WebGPU.
 */
export class Gpu {
  readonly adapter: AdapterDescription;
  readonly limits: GPUSupportedLimits;
  readonly features: ReadonlySet<string>;
  /** Bytes of buffers it may hold; infinite on GPUs, which tell when they are out of memory. */
  readonly memoryBudget: number;
  /** Whether it only records what would be done: see `DryGpu`. */
  readonly isDry: boolean = false;
  /** Set by the tensor room's finalization net. */
  rescuedTensors = 0;
  readonly #pool: BufferPool;
  readonly #pipelines: PipelineCache;
  readonly #commands: CommandStream;
  readonly #staging = new Map<number, GPUBuffer[]>();
  readonly #pending = new Set<(error: Error) => void>();
  readonly #wait: NonNullable<OpenedDevice["wait"]>;
  #timer: WorkTimer | undefined;
  #isTiming = false;
  #recording: Recording | undefined;
  #variants: VariantTable = {};
  #error: Error | undefined;
  #closed = false;

  /** Wraps a device that the caller made. Prefer {@link Gpu.open}. */
  constructor(
    readonly device: GPUDevice,
    info: GPUAdapterInfo,
    options: Pick<OpenOptions, "memoryBudget" | "variants"> & Pick<OpenedDevice, "wait"> & { isListed?: boolean } = {},
  ) {
    this.adapter = describeAdapter(info);
    this.#wait = options.wait ?? ((promise) => promise);
    this.limits = copyOf(device.limits);
    this.features = new Set(device.features as unknown as ReadonlySet<string>);
    this.memoryBudget =
      options.memoryBudget ?? (this.adapter.isSoftware ? SOFTWARE_BUDGET_BYTES : Number.POSITIVE_INFINITY);
    this.#pool = new BufferPool(device, this.memoryBudget, (buffer) => this.#commands.destroy(buffer));
    this.#pipelines = new PipelineCache(device, (error) => this.#fail(error));
    this.#commands = new CommandStream(device, this.#pipelines);
    if (options.variants) this.variants = options.variants;
    device.onuncapturederror = (event) => {
      // It is thrown to whoever calls next; a browser need not warn of it on its console as well.
      event.preventDefault();
      this.#fail(new GpuError(`WebGPU: ${event.error.message}`));
    };
    void device.lost.then(({ reason, message }) => {
      if (!this.#closed) this.#fail(new DeviceLostError(reason ?? "unknown", message));
    });
    if (options.isListed !== false) openHandles.push(this);
  }

  /**
   * Opens an adapter: `navigator.gpu` in a browser, the npm package `webgpu` (Dawn) in Node, there with the
   * software adapter SwiftShader from npm when the system has none. Limits are requested up to the adapter's.
   *
   * @throws AdapterNotFoundError in Node, naming what was tried and what to install; WebGpuUnavailableError in a browser,
   * with what is missing and what to do.
   */
  static async open(options: OpenOptions = {}): Promise<Gpu> {
    const { device, info, wait } = await openDevice(options);
    try {
      return new Gpu(device, info, { ...options, wait });
    } catch (error) {
      if (!options.device) device.destroy();
      throw error;
    }
  }

  /** The first handle opened and not closed, or the last one chosen by `use()`: where tensors are made by default. */
  static get default(): Gpu {
    if (openHandles.length === 0) throw new GpuError("no GPU is open: call `await Gpu.open()` first");
    return openHandles[0];
  }

  /** Makes this handle the default for new tensors. */
  use(): this {
    if (this.#closed) throw new GpuError("this handle is closed");
    if (openHandles.includes(this)) openHandles.splice(openHandles.indexOf(this), 1);
    openHandles.unshift(this);
    return this;
  }

  get statistics(): GpuStatistics {
    return {
      ...this.#pool.statistics,
      ...this.#commands.statistics,
      pipelinesCreated: this.#pipelines.created,
      rescuedTensors: this.rescuedTensors,
    };
  }

  /**
   * Candidates of kernel families that are used instead of those for the adapter's class, by name of the family. Empty by
   * default; what has been recorded is not changed by setting it.
   *
   * @throws GpuError, when it is set, naming a family or a candidate that there is not, or one this device cannot run.
   */
  get variants(): VariantTable {
    return this.#variants;
  }

  set variants(table: VariantTable) {
    requireVariants(this, table);
    this.#variants = Object.freeze({ ...table });
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Whether the device is gone, closed handles included: nothing can be done with the handle any more. */
  get isLost(): boolean {
    return this.#error instanceof DeviceLostError;
  }

  resetPeak(): void {
    this.#pool.resetPeak();
  }

  /** Gives buffers kept for reuse back to the device. */
  trim(): void {
    this.#pool.trim();
  }

  /** Storage for `bytes` bytes; the content is undefined. */
  allocate(bytes: number, label: Label): PooledBuffer {
    this.throwIfFailed();
    if (!this.#recording) return this.#pool.acquire(Math.max(bytes, 4), label);
    this.#pool.requireBelowLimit(bytes, label);
    return this.#recording.allocate(Math.max(bytes, 4));
  }

  free(buffer: PooledBuffer): void {
    if (buffer.recording) buffer.recording.free(buffer);
    else if (!this.#closed) this.#pool.release(buffer);
  }

  /** Records one kernel. Everything the engine computes goes through here. */
  dispatch(
    variant: KernelVariant,
    bindings: readonly BufferBinding[],
    params: ParamValues,
    grid: readonly [number, number, number],
  ): void {
    this.throwIfFailed();
    (this.#recording ?? this.#commands).dispatch(variant, bindings, params, grid);
  }

  /**
   * Something that a step changes on the host, as a count of steps: done at once, or, within a captured step, at each of
   * its replays, in order with what is recorded.
   */
  hostEffect(effect: () => void): void {
    if (this.#recording) this.#recording.hostActions.push(effect);
    else effect();
  }

  /** Whether what is done now is recorded instead, as part of a step that is being captured. */
  get isCapturing(): boolean {
    return this.#recording !== undefined;
  }

  /** Does something once that must not be repeated with a captured step: making the state that steps change. */
  outsideCapture<T>(fn: () => T): T {
    const recording = this.#recording;
    this.#recording = undefined;
    try {
      return fn();
    } finally {
      this.#recording = recording;
    }
  }

  /**
   * Records what `fn` would do instead of doing it. The public form is `capture`, which brings the recording, so that
   * programs without it do not carry what it is made of.
   *
   * @throws CaptureError when `fn` does what cannot be recorded.
   */
  record<T>(recording: Recording, fn: () => T): T {
    this.throwIfFailed();
    if (this.#recording) throw new CaptureError("a step is being captured already");
    this.#recording = recording;
    let result: T;
    try {
      result = fn();
    } finally {
      this.#recording = undefined;
    }
    if (recording.failure) throw recording.failure;
    return result;
  }

  /** Makes a recording runnable, of what its replays need. */
  replayOf<T>(make: (pool: BufferPool, commands: CommandStream) => T): T {
    return make(this.#pool, this.#commands);
  }

  /** Refuses what waits for the device while a step is captured. */
  #cannotRecord(what: string): Promise<never> | undefined {
    if (!this.#recording) return undefined;
    this.#recording.failure ??= new CaptureError(
      `the step ${what}; a captured step runs without the host: return the tensor and read it after the step`,
    );
    // The capture itself throws; nobody may be there to catch this one.
    return new Promise(() => {});
  }

  /** Makes the pipeline of a kernel without running it. */
  compile(variant: KernelVariant): void {
    this.throwIfFailed();
    this.#pipelines.get(variant);
  }

  /**
   * Compiles kernels ahead of their first use, beside whatever else the program does. Resolves when they are ready; one
   * that does not compile is reported when it is used.
   *
   * @param onCompiled told of each pipeline that is done, of those that were not there yet
   */
  async warmUp(variants: Iterable<KernelVariant>, onCompiled?: (done: number, total: number) => void): Promise<void> {
    this.throwIfFailed();
    await this.#orLost(warmUp(this.device, this.#pipelines, variants, this.adapter.isSoftware, onCompiled));
  }

  copyBuffer(from: PooledBuffer, fromOffset: number, to: PooledBuffer, toOffset: number, bytes: number): void {
    this.throwIfFailed();
    if (this.#recording) {
      this.#recording.copy(from, fromOffset, to, toOffset, bytes);
      return;
    }
    this.#commands.copy(from, fromOffset, to.raw, toOffset, bytes);
    to.lastBatch = this.#commands.batch;
  }

  upload(buffer: PooledBuffer, offset: number, bytes: Uint8Array): void {
    this.throwIfFailed();
    if (this.#recording) {
      throw new CaptureError(
        "the step makes a tensor of host values, which would be the same in every replay; make it outside, or an input",
      );
    }
    this.#commands.upload(buffer, offset, bytes);
  }

  /** Submits what has been recorded. */
  flush(): void {
    this.throwIfFailed();
    if (!this.#recording) this.#commands.flush();
  }

  /** Reads `bytes` bytes back (rounded up to 4), waiting for all work recorded before. */
  async read(buffer: PooledBuffer, offset: number, bytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const refused = this.#cannotRecord("reads a value back");
    if (refused) return refused;
    this.throwIfFailed();
    const size = Math.ceil(bytes / 4) * 4;
    if (size === 0) return new Uint8Array(0);
    const staging = this.#takeStaging(size);
    this.#commands.copy(buffer, offset, staging, 0, size);
    // Reads that are asked for together go into one submit.
    await Promise.resolve();
    if (this.#error instanceof DeviceLostError) throw this.#error;
    this.#commands.flush();
    await this.#orLost(staging.mapAsync(1 /* GPUMapMode.READ */, 0, size));
    const copy = new Uint8Array(staging.getMappedRange(0, size).slice(0, bytes));
    staging.unmap();
    if (staging.size <= KEPT_STAGING_BYTES) this.#staging.get(staging.size)!.push(staging);
    else staging.destroy();
    await this.#orLost(this.#pipelines.checked());
    this.throwIfFailed();
    return copy;
  }

  /** Resolves when all work recorded so far has run; rejects when any of it failed. */
  async finish(): Promise<void> {
    const refused = this.#cannotRecord("waits for the device");
    if (refused) return refused;
    this.flush();
    await this.#orLost(this.device.queue.onSubmittedWorkDone());
    // A browser counts the work of a lost device as done, and tells of the loss a moment later; a buffer it refuses to map.
    if (isInBrowser()) await this.#orLost(mapNothing(this.device));
    await this.#orLost(this.#pipelines.checked());
    this.throwIfFailed();
  }

  /**
   * Runs what `record` records, by itself: work recorded before is waited for first. Times of less than a millisecond are
   * better taken of many repetitions in one `record`, since the host looks at the device five times a millisecond.
   *
   * @throws when another measurement of this handle is under way.
   */
  async time(record: () => void | Promise<void>): Promise<WorkTime> {
    if (this.#isTiming) throw new GpuError("time: another measurement is under way");
    this.#isTiming = true;
    try {
      await this.finish();
      this.#timer ??= new WorkTimer(this.device);
      const timer = this.#timer;
      timer.start();
      this.#commands.timer = timer;
      await record();
      this.flush();
      await this.#orLost(this.device.queue.onSubmittedWorkDone());
      const { wallMilliseconds } = timer;
      this.#commands.timer = undefined;
      const gpuMilliseconds = await timer.gpuMilliseconds((promise) => this.#orLost(promise));
      await this.#orLost(this.#pipelines.checked());
      this.throwIfFailed();
      return { wallMilliseconds, gpuMilliseconds };
    } finally {
      this.#commands.timer = undefined;
      this.#isTiming = false;
    }
  }

  /** Frees everything. Pending reads reject; Node can exit. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#fail(new DeviceLostError("closed", "the handle was closed"));
    this.#commands.close();
    this.device.destroy();
    if (openHandles.includes(this)) openHandles.splice(openHandles.indexOf(this), 1);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  throwIfFailed(): void {
    const error = this.#error;
    if (!error) return;
    // It may be what follows from a shader that does not compile: then the compiler's word is on its way.
    if (this.#pipelines.isChecking && !(error instanceof DeviceLostError)) return;
    // A lost device stays lost; any other failure is reported once, so that a caller may go on.
    if (!(error instanceof DeviceLostError)) this.#error = undefined;
    throw error;
  }

  #fail(error: Error): void {
    if (!(this.#error instanceof DeviceLostError)) {
      // The first failure is the cause: what follows it (an invalid pipeline, an invalid encoder) is noise.
      if (!this.#error || error instanceof DeviceLostError || error.name === "ShaderCompileError") this.#error = error;
    }
    if (error instanceof DeviceLostError) {
      for (const reject of this.#pending) reject(error);
      this.#pending.clear();
    }
  }

  /** A promise of the device, rejected with the typed error as soon as the device is lost. */
  async #orLost<T>(promise: Promise<T>): Promise<T> {
    if (this.#error instanceof DeviceLostError) throw this.#error;
    let reject!: (error: Error) => void;
    const lost = new Promise<never>((_resolve, rejectPromise) => {
      reject = rejectPromise;
    });
    this.#pending.add(reject);
    const { unawaited } = this.#commands;
    try {
      return await this.#wait(Promise.race([promise, lost]), unawaited.narrow > 0 && unawaited.wide === 0);
    } catch (error) {
      if (!this.#error) await this.#whatFollows(error as Error);
      if (this.#error) this.throwIfFailed();
      throw error;
    } finally {
      this.#pending.delete(reject);
      if (this.#pending.size === 0) Object.assign(unawaited, { narrow: 0, wide: 0 });
    }
  }

  /** Waits for the cause of a failed promise, which may be told of after it. */
  async #whatFollows({ name }: Error): Promise<void> {
    // Only a lost device gives up the mapping of a buffer that nobody unmaps: then the loss is certain to be told of.
    const cause = name === "AbortError" ? [this.device.lost, pause(LOSS_TOLD_WITHIN)] : [pause(0)];
    await Promise.race(cause);
  }

  #takeStaging(bytes: number): GPUBuffer {
    const size = Math.max(256, 2 ** Math.ceil(Math.log2(bytes)));
    const capped = Math.min(size, Math.max(bytes, Math.floor(this.limits.maxBufferSize / 4) * 4));
    const kept = this.#staging.get(capped);
    if (kept?.length) return kept.pop()!;
    if (!kept) this.#staging.set(capped, []);
    return this.device.createBuffer({ size: capped, usage: BUFFER_USAGE.MAP_READ | BUFFER_USAGE.COPY_DST });
  }
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Limits as plain numbers: a property of the device's own object is a call into the driver, far too slow for every use. */
function copyOf(limits: GPUSupportedLimits): GPUSupportedLimits {
  const copy: Record<string, number> = {};
  for (const name in limits) copy[name] = limits[name as keyof GPUSupportedLimits] as number;
  return copy as unknown as GPUSupportedLimits;
}

/** Resolves when a buffer could be mapped. */
async function mapNothing(device: GPUDevice): Promise<void> {
  const buffer = device.createBuffer({ label: "nothing", size: 4, usage: 1 /* GPUBufferUsage.MAP_READ */ });
  await buffer.mapAsync(1 /* GPUMapMode.READ */);
  buffer.destroy();
}
