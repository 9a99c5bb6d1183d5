import { beforeAll, describe, expect, it, vi } from "vitest";
import { add, backward, mul, type OpDefinition, type OpName, ops, type Sample, sum } from "../../src/autograd/index.ts";
import { type Gpu, Kernel, type KernelVariant } from "../../src/gpu/index.ts";
import { type DType, type HostArray, type Tensor, tensor } from "../../src/tensor/index.ts";
import { references } from "../reference/index.ts";
import type { NdArray, Reference } from "../reference/nd-array.ts";
import { centralGradient, dot, moved, type Scalar } from "../support/derivatives.ts";
import { asHardware, useGpu } from "../support/gpu.ts";
import { broadcastLayout, type Layout, plain, repeated, slicedLayout, transposedLayout } from "../support/layouts.ts";
import { traits } from "../support/traits.ts";
import { drawInput, isFloatType, seeded } from "../support/values.ts";

/** An op with the types of its attributes forgotten, which differ from op to op. */
interface AnyOp {
  (inputs: readonly Tensor[], attributes: unknown): Tensor;
  readonly definition: OpDefinition<unknown>;
}

/** Every kernel variant that these tests come to use. */
const usedVariants = new Set<KernelVariant>();
const makeVariant = Kernel.prototype.variant;
vi.spyOn(Kernel.prototype, "variant").mockImplementation(function (this: Kernel, specialization) {
  const variant = makeVariant.call(this, specialization);
  usedVariants.add(variant);
  return variant;
});

/** One sample with its values, the cotangent of its output, and the types as given. */
interface Case {
  name: OpName;
  op: AnyOp;
  attributes: unknown;
  inputs: NdArray[];
  dtypes: DType[];
  cotangent: Float64Array;
  reference: (inputs: readonly NdArray[]) => NdArray;
}

function makeCase(name: OpName, sample: Sample<unknown>, seed: number): Case {
  const random = seeded(seed);
  const inputs = sample.inputs.map((input) => drawInput(input, random));
  const reference = (values: readonly NdArray[]) => (references[name] as Reference<unknown>)(values, sample.attributes);
  const cotangent = Float64Array.from(reference(inputs).data, () => Math.fround(2 * random() - 1));
  const dtypes = sample.inputs.map(({ dtype = "f32" }) => dtype);
  return {
    name,
    op: ops[name] as unknown as AnyOp,
    attributes: sample.attributes,
    inputs,
    dtypes,
    cotangent,
    reference,
  };
}

interface Outcome {
  value: HostArray;
  /** Of each input; undefined where none arrives. */
  gradients: (HostArray | undefined)[];
}

/**
 * Runs an op and its vjp once. Checks what must hold whatever the numbers are: the spec inferred beforehand is the
 * real one, inputs stay as they were, and nothing stays allocated.
 */
async function run(gpu: Gpu, test: Case, layouts: readonly Layout[], dtypes = test.dtypes): Promise<Outcome> {
  const before = gpu.statistics.liveBuffers;
  const inputs = test.inputs.map((x, i) => layouts[i](x, dtypes[i]));
  const read = () => Promise.all(inputs.map((input) => input.data()));
  const original = await read();
  const owned: { dispose(): void }[] = [...inputs];
  try {
    for (const input of inputs) input.requiresGrad = isFloatType(input.dtype);
    const spec = test.op.definition.infer(inputs, test.attributes);
    const y = test.op(inputs, test.attributes);
    owned.push(y);
    expect({ shape: y.shape, dtype: y.dtype }).toEqual({ shape: spec.shape, dtype: spec.dtype });
    const value = await y.data();
    let gradients: Outcome["gradients"] = inputs.map(() => undefined);
    if (y.node) {
      const cotangent = tensor(test.cotangent, y.shape, { dtype: y.dtype });
      owned.push(cotangent);
      const grads = backward(y, { gradient: cotangent });
      owned.push(grads);
      gradients = await Promise.all(inputs.map((input) => grads.get(input)?.data()));
      inputs.forEach((input) => {
        const gradient = grads.get(input);
        if (gradient) expect([gradient.shape, gradient.dtype]).toEqual([input.shape, input.dtype]);
      });
    }
    expect(await read(), "an op changed its input").toEqual(original);
    return { value, gradients };
  } finally {
    for (const x of owned) x.dispose();
    expect(gpu.statistics.liveBuffers - before, "buffers left over").toBe(0);
  }
}

function expectClose(
  what: string,
  actual: ArrayLike<number>,
  expected: Float64Array,
  bound: (e: number) => number,
): void {
  expect(actual.length, what).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i] - expected[i]);
    if (!(error <= bound(expected[i]))) {
      expect.fail(
        `${what}[${i}] is ${actual[i]}, expected ${expected[i]} (error ${error}, allowed ${bound(expected[i])})`,
      );
    }
  }
}

const largest = (x: Float64Array): number => x.reduce((m, value) => Math.max(m, Math.abs(value)), 0);

/** Whether an op's output carries gradients: it has a vjp, and a float output. */
const isDifferentiable = (test: Case, output: DType): boolean => !!test.op.definition.vjp && isFloatType(output);

/** Gradients by central differences of the reference, whose own error is about 1e-10. */
const expectedGradient = (test: Case, input: number): Float64Array =>
  centralGradient((inputs) => dot(test.cotangent, test.reference(inputs).data), test.inputs, input);

function expectGradients(test: Case, outcome: Outcome, output: DType, tolerance: number): void {
  test.inputs.forEach((_, i) => {
    const gradient = outcome.gradients[i];
    if (!isDifferentiable(test, output) || !isFloatType(test.dtypes[i])) {
      expect(gradient, `gradient of input ${i}`).toBeUndefined();
      return;
    }
    const expected = expectedGradient(test, i);
    const allowed = tolerance * largest(expected) + 1e-9;
    expectClose(`gradient of input ${i}`, gradient!, expected, () => allowed);
  });
}

const outputType = (test: Case, dtypes = test.dtypes): DType => {
  const inputs = test.inputs.map((x, i) => plain(x, dtypes[i]));
  const { dtype } = test.op.definition.infer(inputs, test.attributes);
  for (const input of inputs) input.dispose();
  return dtype;
};

const everyCase = (Object.keys(ops) as OpName[]).flatMap((name) =>
  (ops[name] as unknown as AnyOp).definition.samples().map((sample, i) => ({
    title: `${name} ${sample.inputs.map(({ shape }) => `[${shape}]`).join(" ")} ${JSON.stringify(sample.attributes)}`,
    make: () => makeCase(name, sample, 1000 + i),
  })),
);

describe.each([
  { title: "the adapter's kernels", make: undefined },
  { title: "the kernels for GPUs", make: asHardware },
])("ops with $title", ({ make }) => {
  const gpu = useGpu({}, make);

  it.each(everyCase)("$title: values and gradients", async ({ make: makeTest }) => {
    const test = makeTest();
    const { tolerance } = traits[test.name];
    const plainLayouts = test.inputs.map(() => plain);
    const outcome = await run(gpu(), test, plainLayouts);
    const expected = test.reference(test.inputs);
    const scale = largest(expected.data);
    expectClose("value", outcome.value, expected.data, (e) =>
      tolerance.relativeTo === "largest" ? tolerance.value * scale : tolerance.value * Math.abs(e),
    );
    expectGradients(test, outcome, outputType(test), tolerance.gradient);
    // The same bits every time.
    expect(await run(gpu(), test, plainLayouts)).toEqual(outcome);
  });
});

describe("ops on strided views", () => {
  const gpu = useGpu();

  it.each(everyCase)("$title", async ({ make }) => {
    const test = make();
    const expected = await run(
      gpu(),
      test,
      test.inputs.map(() => plain),
    );
    const views: [string, Layout][] = [
      ["transposed", transposedLayout],
      ["sliced", slicedLayout],
    ];
    for (const [name, layout] of views) {
      for (const chosen of selections(test)) {
        const outcome = await run(
          gpu(),
          test,
          test.inputs.map((_, i) => (chosen.includes(i) ? layout : plain)),
        );
        expect(outcome, `inputs ${chosen} ${name}`).toEqual(expected);
      }
    }
    for (const chosen of selections(test)) {
      const same = { ...test, inputs: test.inputs.map((x, i) => (chosen.includes(i) ? repeated(x) : x)) };
      const stored = await run(
        gpu(),
        same,
        same.inputs.map(() => plain),
      );
      const outcome = await run(
        gpu(),
        same,
        same.inputs.map((_, i) => (chosen.includes(i) ? broadcastLayout : plain)),
      );
      expect(outcome, `inputs ${chosen} broadcast`).toEqual(stored);
    }
  });
});

/** Each input alone, and all together. */
const selections = (test: Case): number[][] => {
  const each = test.inputs.map((_, i) => [i]);
  return each.length > 1 ? [...each, each.flat()] : each;
};

describe("second order", () => {
  const gpu = useGpu();
  const differentiable = everyCase.filter(({ make }) => {
    const test = make();
    return test.op.definition.vjp && test.dtypes.some(isFloatType) && test.cotangent.length > 0;
  });

  it.each(differentiable)("$title", async ({ make }) => {
    const test = make();
    if (!isDifferentiable(test, outputType(test))) return;
    const before = gpu().statistics.liveBuffers;
    const fused = await run(
      gpu(),
      test,
      test.inputs.map(() => plain),
    );

    const inputs = test.inputs.map((x, i) => plain(x, test.dtypes[i]));
    const floats = inputs.map((_, i) => i).filter((i) => isFloatType(test.dtypes[i]));
    for (const i of floats) inputs[i].requiresGrad = true;
    const random = seeded(7);
    const direction = test.inputs.map((x, i) =>
      floats.includes(i) ? x.data.map(() => Math.fround(2 * random() - 1)) : null,
    );
    const directions = floats.map((i) => tensor(direction[i]!, inputs[i].shape));
    const y = test.op(inputs, test.attributes);
    const cotangent = tensor(test.cotangent, y.shape);
    cotangent.requiresGrad = true;
    const first = backward(y, { gradient: cotangent, createGraph: true });
    const firstValues = await Promise.all(inputs.map((input) => first.get(input)?.data()));

    // The gradient made to be differentiated again equals the fused one.
    const { tolerance } = traits[test.name];
    for (const i of floats) {
      const expected = Float64Array.from(fused.gradients[i]!);
      const allowed = 2 * tolerance.gradient * largest(expected) + 1e-9;
      expectClose(`gradient of input ${i} with createGraph`, firstValues[i]!, expected, () => allowed);
    }

    // s = Σ v · (dL/dx), L = cotangent · y: its gradient is a Hessian-vector product, and dy/dx · v in the cotangent.
    const terms: Tensor[] = [];
    const products = floats.map((i, k) => {
      const product = mul(first.get(inputs[i])!, directions[k]);
      terms.push(product);
      return sum(product);
    });
    let total = products[0];
    terms.push(total);
    for (const product of products.slice(1)) {
      total = add(total, product);
      terms.push(product, total);
    }
    const second = backward(total);
    const alongInputs = await Promise.all(floats.map((i) => second.get(inputs[i])?.data()));
    const alongCotangent = await second.get(cotangent)!.data();

    const step = 1e-5;
    const above = test.reference(moved(test.inputs, direction, step)).data;
    const below = test.reference(moved(test.inputs, direction, -step)).data;
    const tangent = above.map((value, i) => (value - below[i]) / (2 * step));
    const tangentAllowed = 4 * tolerance.gradient * largest(tangent) + 1e-8;
    expectClose("derivative along the cotangent", alongCotangent, tangent, () => tangentAllowed);

    const coarse = 2e-4;
    const alongDirection: Scalar = (values) => {
      const loss = (sign: number): number =>
        dot(test.cotangent, test.reference(moved(values, direction, sign * coarse)).data);
      return (loss(1) - loss(-1)) / (2 * coarse);
    };
    floats.forEach((i, k) => {
      const expected = centralGradient(alongDirection, test.inputs, i, coarse);
      // Second differences are good to about 1e-6; an input the gradient does not depend on gets none.
      const allowed = 1e-4 * largest(expected) + 2e-5;
      const actual = alongInputs[k] ?? new Float32Array(expected.length);
      expectClose(`Hessian-vector product for input ${i}`, actual, expected, () => allowed);
    });

    for (const x of [...terms, ...directions, first, second, cotangent, y, ...inputs]) x.dispose();
    expect(gpu().statistics.liveBuffers - before, "buffers left over").toBe(0);
  });
});

const halfCases = everyCase.map(({ title, make }) => ({
  title,
  make: () => {
    const test = make();
    const inputs = test.inputs.map((x, i) => (test.dtypes[i] === "f32" ? toHalf(x) : x));
    return { ...test, inputs, cotangent: toHalf({ shape: [], data: test.cotangent }).data };
  },
}));

/** Rounds to multiples of 1/64, which halves hold exactly in the samples' ranges. */
const toHalf = (x: NdArray): NdArray => ({ shape: x.shape, data: x.data.map((value) => Math.round(value * 64) / 64) });

const halfTypes = (test: Case): DType[] => test.dtypes.map((dtype) => (dtype === "f32" ? "f16" : dtype));

describe("f16", () => {
  const gpu = useGpu();
  let hasHalf = false;
  beforeAll(() => {
    hasHalf = gpu().features.has("shader-f16");
    if (!hasHalf) console.log(`${gpu().adapter.name} lacks shader-f16: ops must refuse f16 here`);
  });

  it.each(halfCases)("$title", async ({ make }) => {
    const test = make();
    const dtypes = halfTypes(test);
    if (!dtypes.includes("f16")) return; // no float inputs
    const layouts = test.inputs.map(() => plain);
    if (!traits[test.name].half) {
      const inputs = test.inputs.map((x, i) => plain(x, dtypes[i]));
      expect(() => test.op(inputs, test.attributes)).toThrow(new RegExp(`^${test.name}: expected .*f16`));
      for (const input of inputs) input.dispose();
      return;
    }
    if (!hasHalf) {
      // Views need no kernel; whatever does is refused by name.
      const outcome = await run(gpu(), test, layouts, dtypes).catch((error: Error) => error);
      if (outcome instanceof Error) expect(outcome.message).toMatch(/^[\w ]+: .*shader-f16/);
      else expect([...outcome.value]).toEqual([...test.reference(test.inputs).data]);
      return;
    }
    const outcome = await run(gpu(), test, layouts, dtypes);
    const expected = test.reference(test.inputs).data;
    // One rounding to 11 bits at the end; a gradient passes through several halves.
    expectClose("value", outcome.value, expected, (e) => 5e-4 * Math.abs(e) + 2e-6 * largest(expected) + 1e-7);
    expectGradients(test, outcome, outputType(test, dtypes), 4e-3);
  });
});

describe("kernel variants", () => {
  it("that ops use are all declared, so that the null backend compiles them in every test run", () => {
    const undeclared = [...usedVariants].filter(({ kernel, code }) => {
      const declared = [{}, ...(kernel.definition.variants?.() ?? [])];
      return !declared.some((specialization) => makeVariant.call(kernel, specialization).code === code);
    });
    expect(usedVariants.size).toBeGreaterThan(40);
    expect(undeclared.map(({ key }) => key)).toEqual([]);
  });
});
