import { describe, expect, it } from "vitest";
import {
  backward,
  conv2d,
  crossEntropy,
  layerNorm,
  linear,
  relu,
  reshape,
  scaledDotProductAttention,
} from "../../../src/autograd/index.ts";
import { describeFamily } from "../../../src/bench/descriptions.ts";
import { definedFamilies, Gpu, isAvailable, type VariantTable } from "../../../src/gpu/index.ts";
import { FAMILY_NAMES, VARIANT_TABLE } from "../../../src/kernels/variants/table.ts";
import { effectiveVariants, variantHash } from "../../../src/kernels/variants/variants.ts";
import { AdamW } from "../../../src/nn/index.ts";
import { type Tensor, tensor, tidy } from "../../../src/tensor/index.ts";
import { asHardware, openWith, useGpu } from "../../support/gpu.ts";
import { seeded } from "../../support/values.ts";

const families = definedFamilies();

/** A device whose features and limits no candidate can ask more of than every device has. */
const least = { features: new Set(), limits: {}, adapter: {} } as unknown as Gpu;

describe("the table of variants", () => {
  it("names, for every class of adapter, candidates of every family, of which the last runs everywhere", () => {
    for (const [adapterClass, preferences] of Object.entries(VARIANT_TABLE)) {
      expect(Object.keys(preferences).sort(), adapterClass).toEqual(families.map(({ name }) => name));
      for (const family of families) {
        const names = family.definition.preference(adapterClass as keyof typeof VARIANT_TABLE);
        const candidates = names.map((name) => family.candidate(name));
        expect(candidates.length, `${adapterClass} ${family.name}`).toBeGreaterThan(0);
        expect(isAvailable(candidates.at(-1)!, least), `${adapterClass} ${family.name}`).toBe(true);
      }
    }
  });

  it("is made of families with several candidates, each told in a sentence, and what they need told too", () => {
    for (const { name, candidates } of families) {
      expect(candidates.length, name).toBeGreaterThan(1);
      expect(new Set(candidates.map((candidate) => candidate.name)).size, name).toBe(candidates.length);
      const words = describeFamily(name);
      expect(words.family, name).not.toBe("");
      for (const { name: candidate, needs, isAvailable: asks } of candidates) {
        const description = words.candidates[candidate];
        expect(description, name).toMatch(/^[A-Z0-9].*\.$/);
        expect(needs !== undefined, `${name}: ${description}`).toBe(asks !== undefined);
      }
    }
  });
});

describe("a handle", () => {
  const gpu = useGpu();

  it("uses what its class prefers of what it can run", async () => {
    const hardware = await openWith({}, asHardware);
    expect(effectiveVariants(hardware)).toMatchObject({ convolution: "shared", rows: "tree" });
    hardware.close();
    const plain = await openWith({ withoutFeatures: ["subgroups"] });
    const expected = plain.adapter.isSoftware ? "register" : "shared";
    expect(effectiveVariants(plain)).toMatchObject({ convolution: expected });
    plain.close();
  });

  it("uses what it is given instead, and only that", () => {
    const before = effectiveVariants(gpu());
    expect(gpu().variants).toEqual({});
    gpu().variants = { convolution: "register" };
    expect(effectiveVariants(gpu())).toEqual({ ...before, convolution: "register" });
    gpu().variants = {};
    expect(effectiveVariants(gpu())).toEqual(before);
  });

  it("is opened with a table, and not with one it cannot follow", async () => {
    const own = await Gpu.open({ variants: { convolution: "register" } });
    expect(effectiveVariants(own).convolution).toBe("register");
    own.close();
    const open = (variants: VariantTable) => Gpu.open({ variants, withoutFeatures: ["subgroups"] });
    await expect(open({ convolutions: "register" })).rejects.toThrow(
      /^variants: there is no family "convolutions"; there are .*convolution, .*rows/,
    );
    await expect(open({ convolution: "fast" })).rejects.toThrow(
      'variants: convolution has no candidate "fast"; it has register, shuffle, shuffle-wide, shared',
    );
    await expect(open({ convolution: "shuffle" })).rejects.toThrow(
      /^variants: convolution shuffle needs subgroups of one size, 4, 8, 16 or 32, which .* lacks$/,
    );
    // What was refused is no default handle.
    expect(Gpu.default).toBe(gpu());
  });

  it("keeps its table when another is refused", () => {
    gpu().variants = { convolution: "register" };
    expect(() => {
      gpu().variants = { convolution: "fast" };
    }).toThrow("no candidate");
    expect(gpu().variants).toEqual({ convolution: "register" });
    gpu().variants = {};
  });

  it("has a table that agrees with what its families choose, and names those too that a program does without", async () => {
    const handles = [gpu(), await openWith({}, asHardware), await openWith({ withoutFeatures: ["subgroups"] })];
    for (const handle of handles) {
      const chosen = Object.fromEntries(families.map((family) => [family.name, family.choose(handle).name]));
      expect(effectiveVariants(handle)).toEqual(chosen);
      expect(Object.keys(effectiveVariants(handle))).toEqual([...FAMILY_NAMES]);
    }
    for (const handle of handles.slice(1)) handle.close();
  });

  it("has a hash of its table: equal for equal tables, whoever chose them", async () => {
    const hash = variantHash(gpu());
    expect(hash).toMatch(/^[0-9a-f]{16}$/);
    gpu().variants = effectiveVariants(gpu());
    expect(variantHash(gpu())).toBe(hash);
    const hashes = new Set<string>();
    for (const table of everyTable(gpu())) {
      gpu().variants = table;
      hashes.add(variantHash(gpu()));
    }
    expect(hashes.size).toBe(everyTable(gpu()).length);
    gpu().variants = {};
    expect(variantHash(gpu())).toBe(hash);
  });
});

/** The table in use, and with each other candidate that the device can run in turn. */
function everyTable(gpu: Gpu, taken = families): VariantTable[] {
  const own = effectiveVariants(gpu);
  const others = taken.flatMap(({ name, candidates }) =>
    candidates
      .filter((candidate) => candidate.name !== own[name] && isAvailable(candidate, gpu))
      .map((candidate) => ({ ...own, [name]: candidate.name })),
  );
  return [own, ...others];
}

/** Loss, gradients' effect and moments of two steps of a little network of every family's kernels. */
async function trainingSteps(gpu: Gpu): Promise<number[][]> {
  const random = seeded(5);
  const parameter = (...shape: number[]): Tensor => {
    const size = shape.reduce((product, length) => product * length, 1);
    const result = tensor(
      Float32Array.from({ length: size }, () => random() - 0.5),
      shape,
    );
    result.requiresGrad = true;
    return result;
  };
  const [images, labels] = [parameter(3, 3, 12, 14), tensor(Int32Array.of(0, 3, 1))];
  const parameters = {
    ...{ stem: parameter(8, 3, 5, 5), depthwise: parameter(8, 1, 3, 3), bias: parameter(8) },
    ...{ inner: parameter(8 * 6 * 7, 20), scale: parameter(20), shift: parameter(20), outer: parameter(20, 5) },
  };
  const named = Object.entries({ images, ...parameters });
  const group = { name: "all", learningRate: 1e-2, weightDecay: 0.01, parameters: new Map(named) };
  const optimizer = new AdamW([group]);
  const results: number[][] = [];
  for (let step = 0; step < 2; step++) {
    const loss = tidy(() => {
      const { stem, depthwise, bias, inner, scale, shift, outer } = parameters;
      const seen = relu(conv2d(images, stem, bias, { stride: 2, padding: 2 }));
      const spread = relu(conv2d(seen, depthwise, undefined, { padding: 1, groups: 8 }));
      const tokens = reshape(spread, [3, 2, 21, 8]); // heads, tokens, width
      const seenByToken = scaledDotProductAttention(tokens, tokens, tokens, { causal: true });
      const features = layerNorm(linear(reshape(seenByToken, [3, 8 * 6 * 7]), inner), scale, shift);
      return crossEntropy(linear(features, outer), labels);
    });
    optimizer.step(backward(loss), { clip: 1 })?.dispose();
    results.push([...(await loss.data())]);
    loss.dispose();
  }
  for (const [, value] of named) results.push([...(await value.data())]);
  optimizer.dispose();
  for (const used of [labels, ...named.map(([, value]) => value)]) used.dispose();
  expect(gpu.statistics.rescuedTensors).toBe(0);
  return results;
}

describe("training steps under every table", () => {
  const gpu = useGpu();

  it("have the same bits, or agree to rounding where candidates group sums", async () => {
    const expected = await trainingSteps(gpu());
    for (const table of everyTable(gpu())) {
      gpu().variants = table;
      const actual = await trainingSteps(gpu());
      gpu().variants = {};
      const own = effectiveVariants(gpu());
      const sumsOf = (family: (typeof families)[number], { [family.name]: name }: VariantTable) =>
        family.candidate(name).sums;
      const isRounded =
        !gpu().adapter.isSoftware || families.some((family) => sumsOf(family, table) !== sumsOf(family, own));
      if (!isRounded) expect(actual, JSON.stringify(table)).toEqual(expected);
      else {
        const off = actual.flatMap((values, i) => values.map((value, j) => Math.abs(value - expected[i][j])));
        expect(Math.max(...off), JSON.stringify(table)).toBeLessThan(1e-3);
      }
    }
  });
});
