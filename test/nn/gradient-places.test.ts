import { expect, it } from "vitest";
import { backward, type Gradients } from "../../src/autograd/index.ts";
import { type HostArray, tensor, tidy } from "../../src/index.ts";
import { GPT2, parseGPT2Config } from "../../src/models/index.ts";
import { AdamW } from "../../src/nn/index.ts";
import { useGpu } from "../support/gpu.ts";
import { differences } from "../support/split.ts";

const gpu = useGpu();
const config = parseGPT2Config({
  ...{ model_type: "gpt2", n_embd: 16, n_layer: 2, n_head: 2, n_positions: 16, vocab_size: 90 },
  ...{ resid_pdrop: 0, embd_pdrop: 0, attn_pdrop: 0, eos_token_id: 0 },
});

it("gives gradients at the places that an optimizer keeps the same bits, and leaves alone what is held there", async () => {
  const model = GPT2.random(gpu(), config, 1);
  for (const parameter of model.parameters()) parameter.requiresGrad = true;
  const named = model.namedParameters();
  const gradientsOf = (begin: number, checkpointed = false): Gradients => {
    const ids = Int32Array.from({ length: 24 }, (_, i) => (begin + i * i) % 90);
    const inputs = model.prepare({ inputIds: ids, batch: 2, length: 12 });
    const gradients = tidy(() => backward(model.loss(model.features(inputs, { checkpointed }), tensor(ids), "mean")));
    model.release(inputs);
    return gradients;
  };
  const valuesOf = (gradients: Gradients): Promise<HostArray[]> =>
    Promise.all([...named.values()].map((parameter) => gradients.get(parameter)!.data()));
  const buffersOf = (gradients: Gradients): number =>
    new Set(
      ["c_attn.weight", "c_attn.bias", "c_proj.weight"].map(
        (name) => gradients.get(named.get(`transformer.h.1.attn.${name}`)!)!.storage.buffer,
      ),
    ).size;
  const expectSameBits = (actual: readonly HostArray[], expected: readonly HostArray[]): void =>
    expect(actual.map((values, i) => differences(values, expected[i]))).toEqual(actual.map(() => 0));

  const expected: HostArray[][] = [];
  for (const begin of [1, 2]) {
    const gradients = gradientsOf(begin);
    expect(buffersOf(gradients)).toBe(3);
    expected.push(await valuesOf(gradients));
    gradients.dispose();
  }
  const optimizer = new AdamW([{ name: "all", parameters: named, learningRate: 1e-3, weightDecay: 0 }]);
  for (const checkpointed of [false, true]) {
    const [first, second] = [gradientsOf(1, checkpointed), gradientsOf(2, checkpointed)];
    expect([buffersOf(first), buffersOf(second)]).toEqual([1, 3]);
    expectSameBits(await valuesOf(first), expected[0]);
    expectSameBits(await valuesOf(second), expected[1]);
    first.accumulate(second);
    expect(buffersOf(first)).toBe(1);
    const sums = expected[0].map((values, i) => values.map((value, k) => Math.fround(value + expected[1][i][k])));
    expectSameBits(await valuesOf(first), sums as HostArray[]);
    first.dispose();
  }
  // The norm is the same wherever gradients lie; a factor of 0 leaves the weights as they are.
  const stepOf = async (gradients: Gradients): Promise<number> => {
    const norm = optimizer.step(gradients, { clip: 1, factor: 0 })!;
    const value = await norm.item();
    norm.dispose();
    return value;
  };
  const held = gradientsOf(1);
  const apart = await stepOf(gradientsOf(2));
  held.dispose();
  expect(await stepOf(gradientsOf(2))).toBe(apart);
  optimizer.dispose();
  const after = gradientsOf(1);
  expect(buffersOf(after)).toBe(3);
  expectSameBits(await valuesOf(after), expected[0]);
  after.dispose();
  model.dispose();
  expect(gpu().statistics.liveBuffers).toBe(0);
});
