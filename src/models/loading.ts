import { Gpu } from "../gpu/index.ts";
import { requireDirectory } from "../io/directory.ts";
import type { Checkpoint, ModelDirectory, OutputDirectory } from "../io/index.ts";
import { isFloatDtype, openCheckpoint, SafetensorsError, SafetensorsFile, writeSafetensors } from "../io/index.ts";
import { hasLora, type Module } from "../nn/index.ts";
import { describeValue, formatShape, shapesEqual, type Tensor, uploadPart } from "../tensor/index.ts";
import type { Initialization } from "./initialization.ts";
import type { NameMapping } from "./name-mapping.ts";

/** What loading found, by checkpoint name. */
export interface LoadReport {
  /** Parameters and buffers of the model that the checkpoint lacks. */
  missing: string[];
  /** Tensors of the checkpoint that the model has no place for. */
  unexpected: string[];
  /** Tensors whose shapes differ. */
  mismatched: { name: string; checkpoint: readonly number[]; model: readonly number[] }[];
  /** Missing parameters and buffers that the rules have initial values for, such as those of a new head. */
  initialized: string[];
  /** Tensors known to be of no use: attention masks stored as buffers, the copy of a tied weight. */
  ignored: string[];
}

export interface LoadRules {
  /** Prefix of the base model's names in the module tree; checkpoints may leave it out. */
  basePrefix: string;
  /** Checkpoint names to pass over in silence. */
  ignores: (name: string) => boolean;
  /** Checkpoint names to pass over although the model has a place for them. */
  omits?: (name: string) => boolean;
  /** The checkpoint's name for a name of the module tree. */
  names?: NameMapping;
  /** Initial values of a parameter or buffer the checkpoint may lack; null when it must be there. */
  initialize: (name: string) => ((tensor: Tensor) => void) | null;
}

/** Where a model is loaded to, and how strictly. */
export interface LoadOptions {
  gpu?: Gpu;
  /** Throw unless every parameter was found in its shape and nothing was left over. Default true. */
  strict?: boolean;
}

/** How a classifier is loaded, and the head that it gets where it has other classes. */
export interface ClassificationOptions extends LoadOptions {
  /** Class names of a new head; by default those of the config. */
  labels?: readonly string[];
  /** Leave out the head that the checkpoint has. */
  newHead?: boolean;
  /** Values of a new head: zeros, or random ones from a seed. */
  head?: Initialization;
}

/**
 * A directory from what a user passes: in Node a path, an address or a name on the Hub, or an object. The Node part is
 * loaded only there.
 *
 * @throws when it is neither, or there is no such model.
 */
export async function openModelDirectory(directory: string | ModelDirectory): Promise<ModelDirectory> {
  if (typeof directory !== "string") {
    if (typeof directory?.readText === "function") return directory;
    throw new TypeError(`expected where a model lies, or a directory that holds one, got ${describeValue(directory)}`);
  }
  const { modelDirectory } = await import("../io/node/index.ts");
  return modelDirectory(directory);
}

/** The directory to save to, made when it is missing. */
export async function createOutputDirectory(directory: string | OutputDirectory): Promise<OutputDirectory> {
  if (typeof directory !== "string") return directory;
  const { NodeDirectory } = await import("../io/node/index.ts");
  return NodeDirectory.create(directory);
}

/** @throws naming the file and, where JSON.parse tells it, the place. */
export async function readJson(directory: ModelDirectory, file: string): Promise<unknown> {
  requireDirectory(file, directory);
  const text = await directory.readText(file);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${directory.name}/${file}: not valid JSON: ${(error as Error).message}`);
  }
}

/** Fills a model that was just made; when that fails it is freed, for nobody else has it. */
export async function filled<M extends Module>(model: M, fill: (model: M) => Promise<void>): Promise<M> {
  try {
    await fill(model);
    return model;
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** Fills a model's parameters and buffers from a directory's checkpoint, a tensor at a time. */
export async function loadWeights(
  model: Module,
  directory: ModelDirectory,
  rules: LoadRules,
  { strict = true }: Pick<LoadOptions, "strict"> = {},
): Promise<LoadReport> {
  const checkpoint = await openCheckpoint(directory);
  try {
    return await fill(model, checkpoint, rules, strict, directory.name);
  } finally {
    await checkpoint.close();
  }
}

async function fill(
  model: Module,
  checkpoint: Checkpoint,
  rules: LoadRules,
  strict: boolean,
  name: string,
): Promise<LoadReport> {
  const report: LoadReport = { missing: [], unexpected: [], mismatched: [], initialized: [], ignored: [] };
  const available = new Set(checkpoint.names().filter((name) => !rules.omits?.(name)));
  const taken = new Set<string>();
  const plan: [string, Tensor][] = [];
  for (const [parameter, tensor] of model.namedTensors()) {
    const key = candidates(rules.names?.(parameter) ?? parameter, rules.basePrefix).find((candidate) =>
      available.has(candidate),
    );
    if (key === undefined) {
      const initialize = rules.initialize(parameter);
      if (initialize) {
        initialize(tensor);
        report.initialized.push(parameter);
      } else report.missing.push(parameter);
      continue;
    }
    taken.add(key);
    const { shape } = checkpoint.info(key);
    if (shapesEqual(shape, tensor.shape)) plan.push([key, tensor]);
    else report.mismatched.push({ name: parameter, checkpoint: shape, model: tensor.shape });
  }
  for (const key of available) {
    if (taken.has(key)) continue;
    (rules.ignores(key) ? report.ignored : report.unexpected).push(key);
  }
  if (strict) assertComplete(report, name);
  for (const [key, tensor] of plan) requireReadable(checkpoint, key, tensor);
  // Forwards through the files, whatever the order of the modules: reads over a network then share their requests.
  const places = new Map(checkpoint.names().map((key, place) => [key, place]));
  plan.sort(([a], [b]) => places.get(a)! - places.get(b)!);
  for (const [key, tensor] of plan) {
    if (tensor.gpu.isDry) continue; // values go nowhere: the file's header was all that counts
    if (tensor.dtype === "i32") uploadPart(tensor, 0, bytesOf(await readCounter(checkpoint, key)));
    else await streamInto(tensor, checkpoint, key);
  }
  return report;
}

/** Elements that lie in host memory at a time. */
const PIECE = 1 << 22;

/** Uploads a tensor by pieces, so that one of any size passes through little memory. */
async function streamInto(tensor: Tensor, checkpoint: Checkpoint, key: string): Promise<void> {
  for (let first = 0; first < tensor.size; first += PIECE) {
    const values = await checkpoint.readFloat32(key, first, Math.min(first + PIECE, tensor.size));
    uploadPart(tensor, first, bytesOf(values));
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Int32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** PyTorch counts batches in its normalisation layers; nothing depends on it, and other frameworks leave it out. */
const isBatchCounter = (name: string): boolean => name.endsWith(".num_batches_tracked");

/** How {@link loadInto} finds its tensors, and how strictly. */
export interface LoadIntoOptions extends Pick<LoadOptions, "strict"> {
  /** The checkpoint's names for those of the module tree, when it has its own: see {@link mapNames}. */
  names?: NameMapping;
  /** Checkpoint tensors that may be left over. */
  ignores?: (name: string) => boolean;
}

/**
 * Fills any module tree from a model directory or a single `.safetensors` file, whatever names the checkpoint has.
 *
 * @throws naming what is missing, left over or of another shape, unless `strict: false`.
 */
export async function loadInto(
  module: Module,
  source: string | ModelDirectory,
  { names, ignores = () => false, strict }: LoadIntoOptions = {},
): Promise<LoadReport> {
  const rules: LoadRules = {
    basePrefix: "",
    names,
    ignores: (name) => isBatchCounter(name) || ignores(name),
    initialize: (name) => (isBatchCounter(name) ? () => {} : null),
  };
  if (typeof source === "string" && source.endsWith(".safetensors")) {
    const { openFile } = await import("../io/node/index.ts");
    const file = await SafetensorsFile.open(await openFile(source));
    try {
      return await fill(module, file, rules, strict ?? true, source);
    } finally {
      await file.close();
    }
  }
  return loadWeights(module, await openModelDirectory(source), rules, { strict });
}

/** Types are checked ahead of the first value, so that a model is filled whole or not at all. */
function requireReadable(checkpoint: Checkpoint, key: string, tensor: Tensor): void {
  const { dtype, begin } = checkpoint.info(key);
  const isCounter = tensor.dtype === "i32";
  if (isCounter ? dtype === "I64" || dtype === "I32" : isFloatDtype(dtype)) return;
  const problem = isCounter
    ? `dtype ${dtype} cannot be read as a counter, expected I64 or I32`
    : `dtype ${dtype} cannot be read as f32, expected F32, F16, BF16 or F64`;
  throw new SafetensorsError(checkpoint.files.join(", "), problem, { tensor: key, byte: begin });
}

/** Integers, which PyTorch keeps as I64. */
async function readCounter(checkpoint: Checkpoint, key: string): Promise<Int32Array> {
  return Int32Array.from((await checkpoint.readArray(key)) as BigInt64Array | Int32Array, Number);
}

/** A parameter's name, and the same without the base model's prefix. */
const candidates = (parameter: string, prefix: string): string[] =>
  prefix && parameter.startsWith(prefix) ? [parameter, parameter.slice(prefix.length)] : [parameter];

function assertComplete({ missing, unexpected, mismatched }: LoadReport, name: string): void {
  const parts: string[] = [];
  const list = (names: readonly string[]): string =>
    names.slice(0, 4).join(", ") + (names.length > 4 ? `, … (${names.length})` : "");
  if (missing.length > 0) parts.push(`missing ${list(missing)}`);
  if (unexpected.length > 0) parts.push(`unexpected ${list(unexpected)}`);
  if (mismatched.length > 0) {
    const texts = mismatched.map(
      (one) => `${one.name} is ${formatShape(one.checkpoint)}, the config asks for ${formatShape(one.model)}`,
    );
    parts.push(`wrong shape: ${list(texts)}`);
  }
  if (parts.length > 0) throw new Error(`${name}: the checkpoint does not fit the model: ${parts.join("; ")}`);
}

/**
 * Writes every parameter and buffer under its name, a tensor at a time, into `model.safetensors`: F32, and counters as
 * I64, as PyTorch has them.
 */
export async function saveWeights(model: Module, directory: OutputDirectory): Promise<void> {
  if (hasLora(model))
    throw new Error("save: the model has low-rank adapters; mergeLora adds them to the weights first");
  await writeSafetensors(
    await directory.create("model.safetensors"),
    [...model.namedTensors()].map(([name, tensor]) => ({
      name,
      dtype: tensor.dtype === "i32" ? ("I64" as const) : ("F32" as const),
      shape: tensor.shape,
      data: async () => {
        const values = await tensor.data();
        return values instanceof Int32Array ? BigInt64Array.from(values, BigInt) : (values as Float32Array);
      },
    })),
  );
}

export const defaultGpu = (options: LoadOptions): Gpu => options.gpu ?? Gpu.default;
