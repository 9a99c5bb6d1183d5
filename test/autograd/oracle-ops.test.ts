import { afterAll, describe, expect, it } from "vitest";
import { add, backward, mul, sum } from "../../src/autograd/index.ts";
import { type HostArray, isFloat, Tensor, tensor, tidy } from "../../src/tensor/index.ts";
import { flushesDenormals, isDenormal } from "../support/denormals.ts";
import { useGpu } from "../support/gpu.ts";
import { compareWith, loadFamily, OP_FAMILIES, type OracleOpCase } from "../support/ops/oracle-ops.ts";
import { torchOps } from "../support/ops/torch-ops.ts";
import { type Pending, ReadBatch } from "../support/read-batch.ts";

const gpu = useGpu();
const families = await Promise.all(OP_FAMILIES.map(async (family) => ({ family, cases: await loadFamily(family) })));

interface Count {
  passed: number;
  /** Of the passed: within the tolerance for exact IEEE arithmetic too. */
  strict: number;
  failed: number;
}

const counts = new Map<string, Count>(OP_FAMILIES.map((family) => [family, { passed: 0, strict: 0, failed: 0 }]));

/** Runs a case forward and backward; what can be compared, by the name of the expected tensor. */
function runCase(batch: ReadBatch, test: OracleOpCase): Map<string, { shape: readonly number[]; values: Pending }> {
  const results = new Map<string, { shape: readonly number[]; values: Pending }>();
  const record = (name: string, x: Tensor): void => {
    results.set(name, { shape: x.shape, values: batch.add(x) });
  };
  const upload = (name: string): Tensor => {
    const { data, shape, dtype } = test.tensor(name);
    return tensor(data, shape, { dtype });
  };
  tidy(() => {
    const inputs = Object.fromEntries(Object.keys(test.inputs).map((name) => [name, upload(name)]));
    for (const name of Object.keys(test.grads)) inputs[name].requiresGrad = isFloat(inputs[name].dtype);
    const computed = torchOps[test.op](inputs, test.attrs);
    const outputs = computed instanceof Tensor ? [computed] : computed;
    outputs.forEach((output, i) => {
      record(`out${i}`, output);
    });
    if (Object.keys(test.grads).length === 0) return;
    const cotangents = Object.entries(test.cotangents).map(([name, cotangent]) => {
      return [outputs[Number(name.slice("out".length))], upload(cotangent)] as const;
    });
    // One output takes its cotangent as it is; of several, the sum of all products is differentiated.
    const gradients =
      cotangents.length === 1
        ? backward(cotangents[0][0], { gradient: cotangents[0][1] })
        : backward(cotangents.map(([y, cotangent]) => sum(mul(y, cotangent))).reduce((a, b) => add(a, b)));
    for (const [name, expected] of Object.entries(test.grads)) {
      const gradient = gradients.get(inputs[name]);
      if (gradient) record(expected, gradient);
    }
  });
  return results;
}

/** In cases about denormal numbers, 0 in the place of those that the adapter has flushed. */
async function allowFlushed(test: OracleOpCase, values: HostArray, expected: HostArray): Promise<HostArray> {
  if (!test.flags.includes("denormal") || !(await flushesDenormals(gpu()))) return expected;
  return expected.map((value, i) => (isDenormal(value) && values[i] === 0 ? 0 : value));
}

async function check(test: OracleOpCase): Promise<{ problems: string[]; isStrict: boolean }> {
  const before = gpu().statistics.liveBuffers;
  const batch = new ReadBatch(gpu());
  try {
    const results = runCase(batch, test);
    await batch.read();
    const problems: string[] = [];
    let isStrict = true;
    for (const name of [...Object.keys(test.outputs), ...Object.values(test.grads)]) {
      const result = results.get(name);
      const expected = test.tensor(name);
      if (!result) {
        problems.push(`${name} is missing`);
        continue;
      }
      const values = result.values();
      const wanted = await allowFlushed(test, values, expected.data);
      const problem = compareWith(values, wanted, test.tol[name]);
      if (`${result.shape}` !== `${expected.shape}`) problems.push(`${name} has shape [${result.shape}]`);
      if (problem) problems.push(`${name}${problem}`);
      else if (compareWith(values, wanted, test.tol[name], true)) isStrict = false;
    }
    return { problems, isStrict };
  } finally {
    batch.dispose();
    expect(gpu().statistics.liveBuffers - before, "buffers left over").toBe(0);
  }
}

describe.each(families)("operators of PyTorch: $family", ({ family, cases }) => {
  it.each(cases)("$id: $torch", async (test) => {
    const count = counts.get(family)!;
    try {
      const { problems, isStrict } = await check(test);
      expect(problems, `${test.torch} with ${JSON.stringify(test.attrs)}, flags ${test.flags}`).toEqual([]);
      count.passed++;
      if (isStrict) count.strict++;
    } catch (error) {
      count.failed++;
      throw error;
    }
  });
});

afterAll(() => {
  const rows = [...counts].map(([family, { passed, strict, failed }]) =>
    [family.padEnd(14), ...[passed, strict, failed].map((n) => `${n}`.padStart(8))].join(""),
  );
  const head = `${"".padEnd(14)}${["passed", "(strict)", "failed"].map((name) => name.padStart(8)).join("")}`;
  console.log(`PyTorch's operators on ${gpu().adapter.name}\n${[head, ...rows].join("\n")}`);
});
