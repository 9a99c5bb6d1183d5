import type { Gpu, VariantTable } from "../gpu/index.ts";
import {
  type Checkpoint,
  type ModelDirectory,
  type OutputDirectory,
  openCheckpoint,
  type TensorToWrite,
  writeSafetensors,
} from "../io/index.ts";
import { effectiveVariants } from "../kernels/variants/variants.ts";
import type { Module, Optimizer } from "../nn/index.ts";
import { formatShape, shapesEqual, type Tensor, upload, uploadInto } from "../tensor/index.ts";
import type { CheckpointEvent, Evaluation } from "./events.ts";

/** One file holds everything, so that a checkpoint is whole or absent. */
export const CHECKPOINT_FILE = "checkpoint.safetensors";

/** Trained weights and buffers on the host, by checkpoint name. */
export type Snapshot = Map<string, Float32Array | Int32Array>;

/** Where a run stands. */
export interface TrainerState {
  /** Optimizer steps taken. */
  step: number;
  /** Epoch that is going on, from 0, and batches of it that are done. */
  epoch: number;
  batch: number;
  /** State of the generator from which this epoch's order was drawn. */
  randomState: number;
  tokens: number;
  /** Step and evaluation of the best weights so far. */
  best: { step: number; evaluation: Evaluation } | null;
  /** Whether the run was stopped when an evaluation was due after the last step; it is made up for on resuming. */
  isEvaluationDue: boolean;
  /** Sum of the schedule's factors of the steps taken: a run that goes on must have had the same learning rates. */
  factorSum: number;
  /**
   * What the run is: data, batch, seed, trained names, learning rates. These must be the same for it to go on. The hash
   * of its kernel variants may be another: see {@link variantNotice}.
   */
  fingerprint: Record<string, string | number | null>;
  /** The candidate that each kernel family used. */
  variants?: VariantTable;
}

interface StoredState extends TrainerState {
  optimizerSteps: Record<string, number>;
}

/** What training changes: parameters that are not frozen, and every buffer. */
const changing = (model: Module): [string, Tensor][] => [
  ...[...model.namedParameters()].filter(([, tensor]) => tensor.requiresGrad),
  ...model.namedBuffers(),
];

const readBack = async (tensor: Tensor): Promise<Float32Array | Int32Array> =>
  (await tensor.data()) as Float32Array | Int32Array;

/** Trained weights and buffers as they are now. */
export async function takeSnapshot(model: Module): Promise<Snapshot> {
  const snapshot: Snapshot = new Map();
  for (const [name, tensor] of changing(model)) snapshot.set(name, await readBack(tensor));
  return snapshot;
}

/** Puts weights and buffers back. */
export function restoreSnapshot(model: Module, snapshot: Snapshot): void {
  const named = model.namedTensors();
  for (const [name, values] of snapshot) {
    const tensor = named.get(name);
    if (!tensor || tensor.size !== values.length) throw new Error(`snapshot: ${name} does not fit the model`);
    uploadInto(tensor, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
}

/** Writes trained weights and buffers, optimizer state, best weights and the run's place. Replaces the one before atomically. */
export async function saveCheckpoint(
  directory: OutputDirectory,
  model: Module,
  optimizer: Optimizer,
  state: TrainerState,
  best: Snapshot | null,
): Promise<void> {
  const { steps, tensors } = optimizer.getState();
  const named = changing(model);
  const fromDevice = (prefix: string, [name, tensor]: [string, Tensor]): TensorToWrite => ({
    name: `${prefix}/${name}`,
    dtype: tensor.dtype === "i32" ? "I32" : "F32",
    shape: tensor.shape,
    data: () => readBack(tensor),
  });
  const shapes = new Map(named.map(([name, tensor]) => [name, tensor.shape]));
  const stored: StoredState = { ...state, optimizerSteps: Object.fromEntries(steps) };
  await writeSafetensors(
    await directory.create(CHECKPOINT_FILE),
    [
      ...named.map((entry) => fromDevice("model", entry)),
      ...[...tensors].map((entry) => fromDevice("optimizer", entry)),
      ...[...(best ?? [])].map(([name, data]) => ({
        name: `best/${name}`,
        dtype: data instanceof Int32Array ? ("I32" as const) : ("F32" as const),
        shape: shapes.get(name) ?? [data.length],
        data,
      })),
    ],
    { metadata: { format: "graft-checkpoint", version: "1", state: JSON.stringify(stored) } },
  );
}

export interface CheckpointOptions {
  directory: OutputDirectory;
  /** Steps between checkpoints, besides those at evaluations and at a stop. */
  every?: number;
  /**
   * Takes the error of a checkpoint that cannot be written, and the run goes on without that one; what it throws ends the
   * run. Without it the error does.
   */
  onFailure?: (error: unknown) => Promise<void> | void;
}

/** Saves a checkpoint and gives its event; null where it could not be written and the run goes on. */
export async function writeCheckpoint(
  { directory, onFailure }: CheckpointOptions,
  model: Module,
  optimizer: Optimizer,
  state: TrainerState,
  best: Snapshot | null,
): Promise<CheckpointEvent | null> {
  try {
    await saveCheckpoint(directory, model, optimizer, state, best);
  } catch (error) {
    if (!onFailure) throw error;
    await onFailure(error);
    return null;
  }
  return { type: "checkpoint", step: state.step, path: directory.name };
}

/** Key of the fingerprint for the hash of the kernel variants. */
export const VARIANTS_KEY = "kernel variants";

/**
 * What to tell when a run goes on with other kernels than it had: it may, since all compute the same to rounding; null when
 * they are the same, or are not known, as in checkpoints of earlier versions.
 */
export function variantNotice(state: TrainerState, gpu: Gpu): string | null {
  const { variants: had = {} } = state;
  const has = effectiveVariants(gpu);
  const different = Object.keys(has).filter((name) => had[name] !== undefined && had[name] !== has[name]);
  if (different.length === 0) return null;
  const list = different.map((name) => `${name} ${had[name]}, now ${has[name]}`).join("; ");
  return (
    `resume: the checkpoint was made with other kernel variants (${list}); ` +
    "the run goes on, and agrees with one that was never stopped to rounding"
  );
}

/**
 * Puts a checkpoint's weights, buffers and optimizer state back and returns where the run stood.
 *
 * @throws naming what differs when the run that is to go on is another one.
 */
export async function loadCheckpoint(
  directory: ModelDirectory,
  model: Module & { readonly gpu: Gpu },
  optimizer: Optimizer,
  fingerprint: TrainerState["fingerprint"],
): Promise<{ state: TrainerState; best: Snapshot | null }> {
  const file = await openState(directory);
  try {
    const { optimizerSteps, ...state } = file.state;
    for (const [key, value] of Object.entries(fingerprint)) {
      if (state.fingerprint[key] !== value && key !== VARIANTS_KEY) {
        const was = JSON.stringify(state.fingerprint[key]);
        throw new Error(`resume: the checkpoint was made with ${key} ${was}, this run has ${JSON.stringify(value)}`);
      }
    }
    const named = model.namedTensors();
    const moments = new Map<string, Tensor>();
    const best: Snapshot = new Map();
    for (const key of file.checkpoint.names()) {
      const values = (await file.checkpoint.readArray(key)) as Float32Array | Int32Array;
      const name = key.slice(key.indexOf("/") + 1);
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      if (key.startsWith("model/")) {
        const tensor = named.get(name);
        const { shape } = file.checkpoint.info(key);
        if (!tensor || !shapesEqual(tensor.shape, shape)) {
          throw new Error(`resume: ${name} ${formatShape(shape)} of the checkpoint does not fit the model`);
        }
        uploadInto(tensor, bytes);
      } else if (key.startsWith("optimizer/"))
        moments.set(name, upload(model.gpu, file.checkpoint.info(key).shape, "f32", bytes));
      else best.set(name, values);
    }
    optimizer.setState({ steps: new Map(Object.entries(optimizerSteps)), tensors: moments });
    return { state, best: best.size > 0 ? best : null };
  } finally {
    await file.checkpoint.close();
  }
}

/** @throws when there is no checkpoint, or the file is another thing. */
async function openState(directory: ModelDirectory): Promise<{ checkpoint: Checkpoint; state: StoredState }> {
  if (!(await directory.has(CHECKPOINT_FILE)))
    throw new Error(`${directory.name}: there is no ${CHECKPOINT_FILE} to resume from`);
  const checkpoint = await openCheckpoint(directory, CHECKPOINT_FILE);
  const text = checkpoint.metadata.get("state");
  if (checkpoint.metadata.get("format") === "graft-checkpoint" && text) {
    return { checkpoint, state: JSON.parse(text) as StoredState };
  }
  await checkpoint.close();
  throw new Error(`${directory.name}/${CHECKPOINT_FILE}: not a checkpoint of a training run`);
}

/** Where a checkpoint's run stood; null when there is none. Nothing of the tensors is read. */
export async function readCheckpointState(directory: ModelDirectory): Promise<TrainerState | null> {
  if (!(await directory.has(CHECKPOINT_FILE))) return null;
  const { checkpoint, state } = await openState(directory);
  await checkpoint.close();
  return state;
}
