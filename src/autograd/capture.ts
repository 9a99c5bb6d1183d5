import { CaptureError, type Gpu, type PooledBuffer, Recording, Replay, type ReplaySource } from "../gpu/index.ts";
import { copy } from "../kernels/copy.ts";
import { bytesPerElement, describeValue, empty, formatShape, Storage, Tensor, tidy } from "../tensor/index.ts";

/** How {@link capture} keeps what it has recorded. */
export interface CaptureOptions {
  /** Captures kept for inputs of other shapes and values; the one not used for longest goes first. Default 16. */
  kept?: number;
}

/** A step that runs without the host after its first time; see {@link capture}. */
export interface CapturedStep<Inputs, Result> {
  (inputs: Inputs): Result;
  /** How many captures are kept: one for each combination of shapes. */
  readonly captures: number;
  /** Frees the captures; results stay. */
  dispose(): void;
  [Symbol.dispose](): void;
}

/**
 * Captures a step, for example forward pass, `backward` and `optimizer.step`: the first call with inputs of some shapes
 * records what `step` does, and that call and every later one with equal shapes only replay the list. The values are the
 * same bits as without. Nothing is created from the second call on, and no JavaScript of the step runs.
 *
 * ```ts
 * const step = capture(gpu, ({ ids, labels }: { ids: Tensor; labels: Tensor }) => {
 *   const loss = lossOf(model, ids, labels);
 *   optimizer.step(backward(loss), { factor: () => schedule(steps) });
 *   gpu.hostEffect(() => steps++);
 *   return loss;
 * });
 * for (const batch of batches) {
 *   using ids = tensor(batch.ids, [4, 64]);
 *   using labels = tensor(batch.labels, [256]);
 *   using loss = step({ ids, labels });
 *   console.log(await loss.item());
 * }
 * ```
 *
 * - `inputs` are tensors, plain values, and arrays and plain objects of them. Tensors are copied into the capture's own, so
 *   the caller's may be freed at once. Plain values belong to what is captured: another value is another capture.
 * - The result is a tensor, or an array or plain object of tensors and nulls, for the caller to dispose: as soon as it
 *   can, for only then has the next call nothing to make. It has no history.
 * - Numbers that change from call to call are functions: `factor` of `optimizer.step`, the seed of `dropout` and of
 *   `TrainingPass`. What the step changes on the host goes into `gpu.hostEffect`. Any other number is as it was when
 *   captured; so is every decision that the step takes on the host.
 * - Parameters and other tensors from outside are used where they lie; when one has been disposed, the step is captured
 *   anew. State that the step makes once, as an optimizer its moments, is made in `gpu.outsideCapture`.
 *
 * @throws CaptureError when the step reads a value back, waits, makes tensors of host values, or keeps tensors that it does
 *   not return. Nothing has run then.
 */
export function capture<Inputs, Result>(
  gpu: Gpu,
  step: (inputs: Inputs) => Result,
  { kept = 16 }: CaptureOptions = {},
): CapturedStep<Inputs, Result> {
  if (typeof step !== "function") throw new CaptureError(`expected a function, got ${describeValue(step)}`);
  const captures = new Map<string, Capture<Inputs, Result>>();
  const call = (inputs: Inputs): Result => {
    gpu.throwIfFailed();
    if (gpu.isCapturing) throw new CaptureError("a captured step is called inside of another");
    const key = describe("inputs", inputs);
    let known = captures.get(key);
    captures.delete(key);
    if (known?.isStale) {
      known.dispose();
      known = undefined;
    }
    known ??= new Capture(gpu, step, inputs);
    captures.set(key, known);
    for (const [other, oldest] of captures) {
      if (captures.size <= kept || oldest === known) break;
      oldest.dispose();
      captures.delete(other);
    }
    return known.run(inputs);
  };
  const dispose = (): void => {
    for (const known of captures.values()) known.dispose();
    captures.clear();
  };
  Object.defineProperty(call, "captures", { get: () => captures.size });
  return Object.assign(call, { dispose, [Symbol.dispose]: dispose }) as CapturedStep<Inputs, Result>;
}

/** One recording, with what comes out of it. */
class Capture<Inputs, Result> {
  /** Over stand-ins, which have no memory: the form of what each run gives. */
  #result: Result | undefined;
  readonly #results: readonly PooledBuffer[];
  readonly #replay: Replay;

  constructor(
    private readonly gpu: Gpu,
    step: (inputs: Inputs) => Result,
    like: Inputs,
  ) {
    try {
      let inputs: PooledBuffer[] = [];
      const recording = new Recording(gpu.limits.maxBufferSize);
      gpu.record(recording, () =>
        tidy(() => {
          const own = mapTensors(like, (x) => {
            const input = empty(gpu, x.shape, x.dtype, "input of a captured step");
            input.requiresGrad = x.requiresGrad;
            return input;
          });
          inputs = tensorsIn(own).map((x) => x.storage.buffer);
          const result = step(own);
          requireResult(result);
          // Without history; what the step made itself goes with the scope.
          this.#result = mapTensors(result, (x) => x.reference());
        }),
      );
      const returned = new Set(tensorsIn(this.#result).map((x) => x.storage.buffer));
      const others = [...recording.held].filter((buffer) => !returned.has(buffer));
      if (others.length > 0) {
        throw new CaptureError(
          `the step keeps ${others.length} buffers (the first of ${others[0].size} bytes) that it does not return; ` +
            "make lasting tensors in gpu.outsideCapture, and return the rest",
        );
      }
      this.#results = [...recording.held];
      this.#replay = gpu.replayOf((...own) => new Replay(recording, inputs, recording.held, ...own));
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  get isStale(): boolean {
    return this.#replay.isStale;
  }

  run(inputs: Inputs): Result {
    const buffers = tidy(() => this.#replay.run(tensorsIn(inputs).map(sourceOf)));
    const storages = new Map<PooledBuffer, Storage>();
    return mapTensors(this.#result!, (x) => {
      const { dtype, shape, strides, offset } = x;
      const { buffer, bytes } = x.storage;
      const place = this.#results.indexOf(buffer);
      if (place < 0) return x.view(shape, strides);
      const storage = storages.get(buffer)?.retain() ?? new Storage(this.gpu, bytes, "", buffers[place]);
      storages.set(buffer, storage);
      return new Tensor({ storage, dtype, shape, strides, offset });
    });
  }

  dispose(): void {
    for (const tensor of tensorsIn(this.#result)) tensor.dispose();
  }
}

/** Where the bytes of a tensor lie in a row. */
function sourceOf(x: Tensor): ReplaySource {
  const width = bytesPerElement(x.dtype);
  const isInRow = x.isContiguous && (x.offset * width) % 4 === 0;
  const { storage, offset } = isInRow ? x : copy(x);
  // Copies go by words of four bytes, and so do the sizes of buffers.
  return { buffer: storage.buffer, offset: offset * width, bytes: Math.ceil((x.size * width) / 4) * 4 };
}

const isPlain = (value: object): boolean => Object.getPrototypeOf(value) === Object.prototype;

/** What two inputs must have in common to share a capture. */
function describe(path: string, value: unknown): string {
  if (value instanceof Tensor) return `${value.dtype}${formatShape(value.shape)}`;
  if (Array.isArray(value)) return `[${value.map((item, i) => describe(`${path}[${i}]`, item))}]`;
  if (value && typeof value === "object" && isPlain(value)) {
    return `{${Object.entries(value).map(([name, item]) => `${name}:${describe(`${path}.${name}`, item)}`)}}`;
  }
  if ((typeof value === "object" && value !== null) || typeof value === "function") {
    throw new CaptureError(
      `${path} is ${describeValue(value)}; expected tensors, plain values, and arrays and plain objects of them`,
    );
  }
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

function requireResult(value: unknown): void {
  if (value === null || value === undefined || value instanceof Tensor) return;
  if (value instanceof Promise) throw new CaptureError("the step returned a Promise; it must be synchronous");
  if (Array.isArray(value)) value.forEach(requireResult);
  else if (typeof value === "object" && isPlain(value)) Object.values(value).forEach(requireResult);
  else {
    throw new CaptureError(
      `the step returns ${describeValue(value)}, which would be the same in every replay; expected tensors, and arrays and plain objects of them`,
    );
  }
}

/** The tensors of a nested value in order. */
function tensorsIn(value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value];
  if (Array.isArray(value)) return value.flatMap(tensorsIn);
  return value && typeof value === "object" ? Object.values(value).flatMap(tensorsIn) : [];
}

/** The same nesting with other tensors. */
function mapTensors<T>(value: T, map: (tensor: Tensor) => Tensor): T {
  if (value instanceof Tensor) return map(value) as T;
  if (Array.isArray(value)) return value.map((item) => mapTensors(item, map)) as T;
  if (!value || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, mapTensors(item, map)])) as T;
}
