import type { Tensor } from "../../../src/tensor/index.ts";
import { NotApplicableError, numberOf, type WrittenNode, type WrittenNumber, type WrittenTensor } from "./cases.ts";

/** Where a node finds its inputs. */
export interface Environment {
  tensor(name: string): Tensor;
  /** The values on the host, for what decides shapes: axes, sizes, paddings. */
  host(name: string): number[];
  /** The element type as the suite has it. */
  dtype(name: string): string;
}

/** One operator of a case, with typed access to its inputs and attributes. */
export class Node {
  readonly op: string;
  readonly outputs: readonly string[];
  readonly #inputs: Readonly<Record<string, string | readonly string[]>>;
  readonly #attributes: Readonly<Record<string, unknown>>;

  constructor(
    node: WrittenNode,
    readonly opset: number,
    private readonly environment: Environment,
  ) {
    this.op = node.op;
    this.outputs = node.outputs;
    this.#inputs = (node.inputs ?? {}) as Readonly<Record<string, string | readonly string[]>>;
    this.#attributes = node.attrs ?? {};
  }

  /** How many inputs are named, counting those left out in between. */
  get inputCount(): number {
    return Object.keys(this.#inputs).length;
  }

  hasInput(key: string | number): boolean {
    const name = this.#inputs[key];
    return name !== undefined && name !== "";
  }

  /** A tensor by the name of its parameter, or its position. */
  input(...keys: readonly (string | number)[]): Tensor {
    const key = keys.find((candidate) => this.hasInput(candidate));
    if (key === undefined) throw new NotApplicableError(`${this.op} has no input ${keys[0]}`);
    return this.environment.tensor(this.#inputs[key] as string);
  }

  optional(key: string | number): Tensor | undefined {
    return this.hasInput(key) ? this.input(key) : undefined;
  }

  /** All tensors of a parameter that is a list. */
  list(key: string | number): Tensor[] {
    return (this.#inputs[key] as readonly string[]).map((name) => this.environment.tensor(name));
  }

  /** Every input, in order, those left out too. */
  inputs(): (Tensor | undefined)[] {
    return Object.keys(this.#inputs).map((key) => this.optional(key));
  }

  /** Names of the parameters given. */
  inputKeys(): string[] {
    return Object.keys(this.#inputs);
  }

  /** An input's values, for what decides shapes. */
  host(key: string | number): number[] | undefined {
    return this.hasInput(key) ? this.environment.host(this.#inputs[key] as string) : undefined;
  }

  dtype(key: string | number): string {
    return this.environment.dtype(this.#inputs[key] as string);
  }

  wants(output: number): boolean {
    return (this.outputs[output] ?? "") !== "";
  }

  has(name: string): boolean {
    return this.#attributes[name] !== undefined && this.#attributes[name] !== null;
  }

  attribute(name: string): unknown {
    return this.#attributes[name];
  }

  /** A number; without a default one that is missing is an error. */
  number(name: string, otherwise?: number): number {
    if (this.has(name)) return numberOf(this.#attributes[name] as WrittenNumber);
    if (otherwise === undefined) throw new Error(`${this.op}: attribute ${name} is missing`);
    return otherwise;
  }

  /** Numbers; one alone counts as a list of one. */
  numbers(name: string): number[] | undefined {
    if (!this.has(name)) return undefined;
    const value = this.#attributes[name];
    return (Array.isArray(value) ? value : [value]).map((item) => numberOf(item as WrittenNumber));
  }

  text(name: string, otherwise: string): string {
    return this.has(name) ? String(this.#attributes[name]) : otherwise;
  }

  /** One of some words. */
  word<Word extends string>(name: string, otherwise: Word): Word {
    return this.text(name, otherwise) as Word;
  }

  texts(name: string): string[] | undefined {
    return this.has(name) ? (this.#attributes[name] as string[]) : undefined;
  }

  /** true, false, 1 or 0. */
  flag(name: string, otherwise: boolean): boolean {
    return this.has(name) ? Boolean(this.#attributes[name]) : otherwise;
  }

  /** A tensor written into an attribute. */
  writtenTensor(name: string): WrittenTensor | undefined {
    return (this.#attributes[name] as { tensor: WrittenTensor } | undefined)?.tensor;
  }
}

/** What an operator computes; several outputs in order, null for one that is left out. */
export type Implementation = (node: Node) => Tensor | readonly (Tensor | null)[];

export type OperatorTable = Readonly<Record<string, Implementation>>;

/** A suite's operators in our ops. */
export interface Adapter {
  operators: OperatorTable;
  /** Ops that only move or compare data: their results are compared exactly. */
  exact: ReadonlySet<string>;
  /** Operators that our ops cannot make up, with the reason. */
  notApplicable: Readonly<Record<string, string>>;
}
