import type { DType, HostArray, Shape, Tensor } from "../tensor/index.ts";

/** A number in double precision, and the magnitude its rounding errors are relative to. */
export interface Expected {
  value: number;
  /** Of a sum, the sum of its terms' magnitudes. */
  scale: number;
}

/** A tensor that a computation reads, or reads and writes. */
export interface Operand {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly values: HostArray;
}

/** A tensor that a computation makes. */
export interface Result {
  readonly name: string;
  readonly shape: Shape;
  /** What it holds before, when the computation changes it in place. */
  readonly initial?: Float32Array;
  /** The element at a row-major position, computed in double precision. */
  expected(position: number): Expected;
  /** Largest error, as a multiple of {@link Expected.scale}. */
  readonly tolerance: number;
  /** Elements side by side whose references share most of their work, such as a row; 1 when not given. */
  readonly together?: number;
}

/** A computation at one size: what goes in, what must come out, and how much work it is. */
export interface Problem {
  readonly inputs: readonly Operand[];
  readonly results: readonly Result[];
  /** Additions, multiplications and functions, each as one, that every way of computing it needs; 0 where nobody counted. */
  readonly operations: number;
  /** Bytes read and written when every element moves once. */
  readonly bytes: number;
}

/** Tensors of a problem's inputs by name, on the device. */
export type Operands = Readonly<Record<string, Tensor>>;

/** One way to compute a problem. */
export interface Candidate {
  readonly name: string;
  /** One sentence: what it adds to the way before it. */
  readonly adds: string;
  /** Why it cannot run on this adapter; undefined when it can. */
  unavailable?(gpu: Tensor["gpu"]): string | undefined;
  /** What else there is to say of it on this adapter. */
  note?(gpu: Tensor["gpu"]): string | undefined;
  /**
   * Makes ready and returns the computation, which may be run any number of times inside a `tidy` and gives the results
   * in order. `results` are tensors of the problem's results, for ways that write into given ones. What it makes and the
   * computation needs is handed to `own`, which disposes it in the end.
   */
  prepare(operands: Operands, results: readonly Tensor[], own: <T extends Disposable>(x: T) => T): Work | Promise<Work>;
}

/** Runs a computation once and gives its results. */
export type Work = () => readonly Tensor[];
