import { backward } from "../../../src/autograd/index.ts";
import type { Gpu } from "../../../src/gpu/index.ts";
import { isFloat, Tensor, tensor, tidy } from "../../../src/tensor/index.ts";
import { type Pending, ReadBatch } from "../read-batch.ts";
import { NotApplicableError, type VectorCase, type WrittenNode } from "./cases.ts";
import { type Adapter, type Environment, Node } from "./node.ts";
import { compareResult } from "./tolerance.ts";
import { hostValues, isFloatName, upload } from "./values.ts";

export type Verdict = { status: "passed" } | { status: "not applicable" | "failed"; reason: string };

/** An operator wants the values of a computed tensor on the host. */
class ValuesWanted extends Error {
  constructor(
    readonly tensorName: string,
    readonly pending: Pending,
  ) {
    super(`the values of ${tensorName} are wanted`);
  }
}

/** Runs a case and compares all its results. */
export async function runCase(gpu: Gpu, adapter: Adapter, test: VectorCase): Promise<Verdict> {
  const known = new Map<string, number[]>();
  for (;;) {
    const batch = new ReadBatch(gpu);
    try {
      const results = evaluate(batch, adapter, test, known);
      await batch.read();
      return judge(adapter, test, results);
    } catch (error) {
      if (error instanceof ValuesWanted) {
        await batch.read();
        known.set(error.tensorName, [...error.pending()]);
        continue;
      }
      if (error instanceof NotApplicableError) return { status: "not applicable", reason: error.message };
      return { status: "failed", reason: (error as Error).message };
    } finally {
      batch.dispose();
    }
  }
}

type Results = Map<string, { shape: readonly number[]; values: Pending }>;

/** Records every node; returns the tensors whose values are expected. */
function evaluate(batch: ReadBatch, adapter: Adapter, test: VectorCase, known: ReadonlyMap<string, number[]>): Results {
  return tidy(() => {
    const computed = new Map<string, Tensor>();
    const differentiated = new Set(test.nodes.flatMap(({ wrt }) => wrt ?? []));
    const environment: Environment = {
      tensor: (name) => {
        const existing = computed.get(name);
        if (existing) return existing;
        const written = test.tensors[name];
        if (!written) throw new Error(`no tensor ${name}`);
        const made = leafOf(written, differentiated.has(name));
        computed.set(name, made);
        return made;
      },
      host: (name) => {
        if (test.tensors[name]) return hostValues(test.tensors[name]);
        const values = known.get(name);
        if (values) return values;
        throw new ValuesWanted(name, batch.add(environment.tensor(name)));
      },
      dtype: (name) => test.tensors[name]?.dtype ?? test.expect[name]?.dtype ?? "float32",
    };
    for (const node of test.nodes) {
      const isDifferentiated = test.nodes.some(({ of }) => of !== undefined && node.outputs.includes(of));
      const outputs =
        node.op === "grad"
          ? differentiate(node, environment, isDifferentiated)
          : compute(adapter, test, node, environment);
      outputs.forEach((output, i) => {
        if (output && node.outputs[i]) computed.set(node.outputs[i], output);
      });
    }
    const results: Results = new Map();
    for (const name of Object.keys(test.expect)) {
      const result = environment.tensor(name);
      results.set(name, { shape: result.shape, values: batch.add(result) });
    }
    return results;
  });
}

/** An input; integers that a gradient is wanted of are computed as floats, as TensorFlow.js does. */
function leafOf(written: VectorCase["tensors"][string], isDifferentiated: boolean): Tensor {
  const isMask = written.dtype === "bool";
  if (!isDifferentiated || isMask) return upload(written);
  const leaf = upload({ ...written, dtype: isFloatName(written.dtype) ? written.dtype : "float32" });
  leaf.requiresGrad = true;
  return leaf;
}

function compute(adapter: Adapter, test: VectorCase, written: WrittenNode, environment: Environment) {
  const reason = adapter.notApplicable[written.op];
  if (reason) throw new NotApplicableError(reason);
  const implementation = adapter.operators[written.op];
  if (!implementation) throw new NotApplicableError(`${written.op} is not in the table of ops`);
  const opset = test.opset?.[written.domain ?? "ai.onnx"] ?? test.opset?.[""] ?? 0;
  const outputs = implementation(new Node(written, opset, environment));
  return outputs instanceof Tensor ? [outputs] : outputs;
}

/** Gradients of `of` in the tensors `wrt`; zero where it does not depend on one. They may be differentiated again. */
function differentiate({ of, wrt, dy }: WrittenNode, environment: Environment, createGraph: boolean): Tensor[] {
  const root = environment.tensor(of!);
  const leaves = wrt!.map((name) => environment.tensor(name));
  const zeros = (x: Tensor) => tensor(new Float32Array(x.size), x.shape);
  if (!(root.node || root.requiresGrad) || !isFloat(root.dtype)) return leaves.map(zeros);
  const gradient = dy ? environment.tensor(dy) : tensor(new Float32Array(root.size).fill(1), root.shape);
  const gradients = backward(root, { gradient, retainGraph: true, createGraph });
  return leaves.map((leaf) => gradients.get(leaf) ?? zeros(leaf));
}

function judge(adapter: Adapter, test: VectorCase, results: Results): Verdict {
  const isExact = test.nodes.every(({ op }) => adapter.exact.has(op));
  const problems = Object.entries(test.expect).flatMap(([name, expected]) => {
    const { shape, values } = results.get(name)!;
    const problem = compareResult(test, expected, { shape, values: values() }, isExact);
    return problem ? [`${name}${problem}`] : [];
  });
  return problems.length === 0 ? { status: "passed" } : { status: "failed", reason: problems.join("; ") };
}
