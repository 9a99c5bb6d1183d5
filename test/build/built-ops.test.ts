import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { type OpenedDevice, openDevice } from "../../src/gpu/adapter/open.ts";
import * as sources from "../../src/index.ts";
import { samples } from "../samples/index.ts";
import { expectSameBits } from "../support/compare.ts";
import { drawInput, isFloatType, seeded } from "../support/values.ts";
import { builtPackage } from "./built-package.ts";

type Engine = typeof sources;
type OpName = keyof Engine["ops"];

/** What an op and its gradients give in one of the engines, with numbers drawn anew from a seed. */
async function outcomeOf(engine: Engine, gpu: sources.Gpu, name: OpName, sample: (typeof samples)[OpName][number]) {
  gpu.use();
  const random = seeded(7);
  const inputs = sample.inputs.map((input) => {
    const { data, shape } = drawInput(input, random);
    const leaf = engine.tensor(data, shape, { dtype: input.dtype ?? "f32" });
    leaf.requiresGrad = isFloatType(leaf.dtype);
    return leaf;
  });
  const op = engine.ops[name] as unknown as (inputs: sources.Tensor[], attributes: unknown) => sources.Tensor;
  const y = op(inputs, sample.attributes);
  const results = [await y.data()];
  if (y.node) {
    const weights = Float32Array.from({ length: y.size }, () => 2 * random() - 1);
    const loss = engine.tidy(() => engine.sum(engine.mul(y, engine.tensor(weights, y.shape))));
    const gradients = engine.backward(loss);
    for (const input of inputs) {
      const gradient = gradients.get(input);
      if (gradient) results.push(await gradient.data());
    }
    gradients.dispose();
  }
  for (const input of inputs) input.dispose();
  return results;
}

let built: Awaited<ReturnType<typeof builtPackage>>;
const handles: sources.Gpu[] = [];
beforeAll(async () => {
  built = await builtPackage();
});
afterAll(async () => {
  for (const gpu of handles) gpu.close();
  await built.remove();
});

/** An engine with a handle of its own on a device. The file for a CDN knows no adapters of Node's. */
function on({ device, info }: OpenedDevice, engine: Engine): { engine: Engine; gpu: sources.Gpu } {
  const gpu = new engine.Gpu(device, info);
  handles.push(gpu);
  return { engine, gpu };
}

it("the file for a CDN gives the bits of the sources, in every op and its gradients", async () => {
  const device = await openDevice(inject("device") ?? {});
  const plain = on(device, sources);
  const minified = on(device, (await import(/* @vite-ignore */ join(built.folder, "dist/graft.min.js"))) as Engine);
  for (const name of Object.keys(samples) as OpName[]) {
    const [sample] = samples[name];
    const expected = await outcomeOf(plain.engine, plain.gpu, name, sample);
    const found = await outcomeOf(minified.engine, minified.gpu, name, sample);
    expect(found.length, name).toBe(expected.length);
    expected.forEach((values, i) => {
      expectSameBits(`${name}: ${i === 0 ? "value" : `gradient ${i}`}`, found[i], values);
    });
  }
});

it("the file of the core adds the gradients of many equal ids in the order of the sources, without sorting them", async () => {
  const device = await openDevice(inject("device") ?? {});
  const core = (await import(/* @vite-ignore */ join(built.folder, "dist/graft-core.min.js"))) as Engine;
  const gradients: Float32Array[] = [];
  for (const { engine, gpu } of [on(device, sources), on(device, core)]) {
    gpu.use();
    const random = seeded(3);
    const rows = 5000;
    const table = engine.tensor(Float32Array.from({ length: 40 }, random), [20, 2]);
    table.requiresGrad = true;
    const ids = engine.tensor(Int32Array.from({ length: rows }, () => Math.floor(20 * random())));
    const weights = engine.tensor(Float32Array.from({ length: 2 * rows }, random), [rows, 2]);
    const found = engine.backward(engine.tidy(() => engine.sum(engine.mul(engine.embedding(table, ids), weights))));
    gradients.push((await found.get(table)!.data()) as Float32Array);
    for (const held of [table, ids, weights, found]) held.dispose();
  }
  expectSameBits("gradient of the table", gradients[1], gradients[0]);
});

it("the file of the core tells what helps in every browser", async () => {
  const core = (await import(/* @vite-ignore */ join(built.folder, "dist/graft-core.min.js"))) as Engine;
  const gpu = { requestAdapter: async () => null } as unknown as GPU;
  const lacking = await core.describeWebGpuProblem({ navigator: { userAgent: "" } });
  const blocked = await core.describeWebGpuProblem({ navigator: { userAgent: "", gpu } });
  expect(lacking).toMatchObject({ kind: "no-webgpu", steps: [expect.stringContaining("Chrome or Edge 113")] });
  expect(blocked).toMatchObject({
    kind: "no-adapter",
    steps: [expect.stringContaining("hardware acceleration"), expect.anything()],
  });
});
