import { afterEach, expect, it } from "vitest";
import { loadCheckpoint, restoreSnapshot, saveCheckpoint, takeSnapshot } from "../../src/finetune/checkpoint.ts";
import type { Gpu } from "../../src/gpu/index.ts";
import { MemoryDirectory, openCheckpoint, serializeSafetensors, type TensorToWrite } from "../../src/io/index.ts";
import { type LoadRules, loadWeights, saveWeights } from "../../src/models/loading.ts";
import { AdamW, buffer, Module, parameter } from "../../src/nn/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";
import { useGpu } from "../support/gpu.ts";

/** The tensors of a batch normalisation, without its arithmetic. */
class Statistics extends Module {
  readonly weight: Tensor;
  readonly running_mean: Tensor;
  readonly running_var: Tensor;
  readonly num_batches_tracked: Tensor;

  constructor(gpu: Gpu) {
    super();
    this.weight = parameter(gpu, [3]);
    this.running_mean = buffer(gpu, [3]);
    this.running_var = buffer(gpu, [3], { value: 1 });
    this.num_batches_tracked = buffer(gpu, [], { dtype: "i32" });
  }
}

class Pair extends Module {
  readonly bn1: Statistics;
  readonly bn2: Statistics;
  constructor(readonly gpu: Gpu) {
    super();
    this.bn1 = new Statistics(gpu);
    this.bn2 = new Statistics(gpu);
  }
}

const gpu = useGpu();
const made: Pair[] = [];
const pair = (): Pair => {
  made.push(new Pair(gpu()));
  return made[made.length - 1];
};
afterEach(() => {
  for (const model of made.splice(0)) model.dispose();
  expect(gpu().statistics.liveBuffers).toBe(0);
});

const RULES: LoadRules = { basePrefix: "", ignores: () => false, initialize: () => null };

async function valuesOf(model: Module): Promise<Record<string, number[]>> {
  const values: Record<string, number[]> = {};
  for (const [name, tensor] of model.namedTensors()) values[name] = [...(await tensor.data())];
  return values;
}

/** A checkpoint whose every number is another. */
function stored(): TensorToWrite[] {
  let next = 1;
  return ["bn1", "bn2"].flatMap((module) => [
    ...["weight", "running_mean", "running_var"].map((name) => ({
      name: `${module}.${name}`,
      dtype: "F32" as const,
      shape: [3],
      data: Float32Array.from({ length: 3 }, () => next++),
    })),
    { name: `${module}.num_batches_tracked`, dtype: "I64" as const, shape: [], data: BigInt64Array.of(BigInt(next++)) },
  ]);
}

const directoryOf = async (tensors: TensorToWrite[]): Promise<MemoryDirectory> =>
  new MemoryDirectory("model", { "model.safetensors": await serializeSafetensors(tensors) });

it("tells buffers from parameters", async () => {
  const model = pair();
  expect([...model.namedParameters().keys()]).toEqual(["bn1.weight", "bn2.weight"]);
  expect([...model.namedBuffers().keys()]).toEqual([
    ...["bn1.running_mean", "bn1.running_var", "bn1.num_batches_tracked"],
    ...["bn2.running_mean", "bn2.running_var", "bn2.num_batches_tracked"],
  ]);
  expect(model.parameterCount()).toBe(6);
  model.freeze().unfreeze();
  for (const tensor of model.namedBuffers().values()) expect(tensor.requiresGrad).toBe(false);
  expect(() => model.freeze("*.running_mean")).toThrow('pattern "*.running_mean" matches no parameter');
  expect([...(await model.bn1.running_var.data())]).toEqual([1, 1, 1]);
  expect([...(await model.bn1.num_batches_tracked.data())]).toEqual([0]);
});

it("loads and saves buffers beside parameters, byte for byte", async () => {
  const directory = await directoryOf(stored());
  const model = pair();
  const report = await loadWeights(model, directory, RULES);
  expect(report).toMatchObject({ missing: [], unexpected: [], mismatched: [] });
  expect((await valuesOf(model))["bn2.num_batches_tracked"]).toEqual([20]);
  const output = new MemoryDirectory("out");
  await saveWeights(model, output);
  const bytes = async (from: MemoryDirectory): Promise<Uint8Array> => {
    const source = await from.open("model.safetensors");
    return source.read(0, source.size);
  };
  expect(await bytes(output)).toEqual(await bytes(directory));
});

it("misses a buffer as it misses a parameter, and refuses a counter of fractions", async () => {
  const without = (name: string) => stored().filter((tensor) => tensor.name !== name);
  const model = pair();
  const lacking = await directoryOf(without("bn2.running_var"));
  await expect(loadWeights(model, lacking, RULES)).rejects.toThrow("missing bn2.running_var");
  const initialized = { ...RULES, initialize: (name: string) => (name.endsWith("running_var") ? () => {} : null) };
  expect((await loadWeights(model, lacking, initialized)).initialized).toEqual(["bn2.running_var"]);
  expect((await valuesOf(model))["bn2.running_var"]).toEqual([1, 1, 1]);
  const odd = { name: "bn1.num_batches_tracked", dtype: "F32" as const, shape: [], data: Float32Array.of(1.5) };
  const fractions = await directoryOf([...without("bn1.num_batches_tracked"), odd]);
  await expect(loadWeights(model, fractions, RULES)).rejects.toThrow(
    'model.safetensors: tensor "bn1.num_batches_tracked": dtype F32 cannot be read as a counter, expected I64 or I32',
  );
});

it("keeps buffers in snapshots and checkpoints, those of frozen modules too", async () => {
  const model = pair();
  await loadWeights(model, await directoryOf(stored()), RULES);
  model.freeze("bn1");
  const before = await valuesOf(model);
  const snapshot = await takeSnapshot(model);
  expect([...snapshot.keys()]).toEqual(["bn2.weight", ...model.namedBuffers().keys()]);
  const optimizer = new AdamW([]);
  const directory = new MemoryDirectory("run");
  const state = {
    ...{ step: 3, epoch: 0, batch: 3, randomState: 1, tokens: 0, best: null, isEvaluationDue: false },
    ...{ factorSum: 3, fingerprint: {} },
  };
  await saveCheckpoint(directory, model, optimizer, state, snapshot);
  const file = await openCheckpoint(directory, "checkpoint.safetensors");
  expect(file.info("best/bn1.num_batches_tracked").dtype).toBe("I32");

  const changed = await directoryOf(
    stored().map((tensor) =>
      tensor.dtype === "I64"
        ? { ...tensor, data: BigInt64Array.of(77n) }
        : { ...tensor, data: Float32Array.of(7, 8, 9) },
    ),
  );
  await loadWeights(model, changed, RULES);
  restoreSnapshot(model, snapshot);
  expect(await valuesOf(model)).toEqual({ ...before, "bn1.weight": [7, 8, 9] });
  await loadWeights(model, changed, RULES);
  const loaded = await loadCheckpoint(directory, model, optimizer, {});
  expect(loaded.best).toEqual(snapshot);
  expect(await valuesOf(model)).toEqual({ ...before, "bn1.weight": [7, 8, 9] });
});
