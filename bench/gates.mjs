// Times that must hold, each with a line that says whether it does: what the host takes to record a dispatch, what an op of a
// long chain of tiny ones takes, and how long a process takes from opening the adapter to the end of its first block and
// first training step. Ends with 1 if one does not hold.
// Usage: npm run bench:gates -- [encode|tiny|block|step …] [--json FILE] (default: all; docs/bench.md has more)
import { parseArgs } from "node:util";
import { STEP_ROWS } from "../dist/bench.js";
import { Gpu, tidy } from "../dist/index.js";
import { prepareWorkload, WORKLOADS } from "./first-step.mjs";
import { keepRun } from "./kept-run.mjs";
import { corePace, machinePace } from "./pace.mjs";
import { measureTinyAdds } from "./tiny-adds.mjs";
import { judge } from "./verdict.mjs";

/** Microseconds to record a dispatch. */
const ENCODE_LIMIT = 3;
const ENCODE_RUNS = 60;
const WARM_UPS = 3;
/** Microseconds an op of a chain of tiny additions, where bare WebGPU calls take no more than the floor. */
const TINY_LIMIT = 22;
const TINY_FLOOR = 19;
/** Seconds of a process until the end of its first work. */
const COLD_LIMITS = { block: 5, step: 20 };
const WARM_LIMITS = { step: 2 };
/** Each takes the compiler's time. */
const MOST_PIPELINES = 60;

/** The least time of many runs, none of which waits for the device, for each dispatch. */
async function leastEncoding(id, open) {
  const gpu = (await Gpu.open(open)).use();
  const step = await STEP_ROWS.find((row) => row.id === id).prepare(gpu, {});
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < ENCODE_RUNS; i++) {
    const before = gpu.statistics.dispatches;
    const begin = performance.now();
    tidy(() => step.run());
    const elapsed = performance.now() - begin;
    // The first ones make what the others find.
    if (i >= WARM_UPS) least = Math.min(least, (1000 * elapsed) / (gpu.statistics.dispatches - before));
    await gpu.finish();
  }
  const pace = corePace();
  step[Symbol.dispose]();
  gpu.close();
  return { value: least, pace };
}

async function encodeChecks() {
  const check = (name, measure) => judge({ name, limit: ENCODE_LIMIT, unit: "µs", measure });
  return [
    await check("host time to record a dispatch", () => leastEncoding("encode-500-dispatches", {})),
    // On a device that computes nothing, so that the step itself takes no time.
    await check("host time to replay a dispatch of a captured training step", () =>
      leastEncoding("training-step", { backend: "null" }),
    ),
  ];
}

async function tinyChecks() {
  const measure = async () => {
    const { graft, bare } = await measureTinyAdds();
    return { value: graft, pace: bare / TINY_FLOOR };
  };
  return [await judge({ name: "a tiny addition, in a chain of 1000", limit: TINY_LIMIT, unit: "µs", measure })];
}

/** First work with kernels compiled while the weights are read, as `graft finetune` does. */
async function firstWorkChecks(name) {
  const { what } = WORKLOADS[name];
  const workload = prepareWorkload(name);
  let pipelines = 0;
  const measuring = (isCold) => async () => {
    const before = await machinePace();
    const run = workload.run("ahead", isCold);
    pipelines = run.pipelines;
    return { value: run.milliseconds.total / 1000, pace: (before + (await machinePace())) / 2 };
  };
  const checks = [];
  try {
    const cold = { name: `${what}; nothing compiled`, limit: COLD_LIMITS[name], measure: measuring(true) };
    checks.push(await judge({ ...cold, unit: "s" }));
    const count = {
      name: `${what}; kernels`,
      limit: MOST_PIPELINES,
      measure: async () => ({ value: pipelines, pace: 1 }),
    };
    checks.push(await judge({ ...count, unit: "pipelines" }));
    if (name in WARM_LIMITS) {
      workload.run("ahead", false);
      const warm = { name: `${what}; driver's cache filled`, limit: WARM_LIMITS[name], measure: measuring(false) };
      checks.push(await judge({ ...warm, unit: "s" }));
    }
  } finally {
    workload[Symbol.dispose]();
  }
  return checks;
}

const KINDS = {
  encode: encodeChecks,
  tiny: tinyChecks,
  block: () => firstWorkChecks("block"),
  step: () => firstWorkChecks("step"),
};
const { values, positionals: asked } = parseArgs({ options: { json: { type: "string" } }, allowPositionals: true });
const unknown = asked.find((name) => !(name in KINDS));
if (unknown !== undefined) throw new Error(`no check "${unknown}"; there are ${Object.keys(KINDS).join(", ")}`);
const checks = [];
for (const name of asked.length > 0 ? asked : Object.keys(KINDS)) {
  for (const { isWithin, figures, line } of await KINDS[name]()) {
    console.log(line);
    checks.push({ isWithin, ...figures });
  }
}
if (values.json !== undefined) {
  const gpu = await Gpu.open();
  keepRun(values.json, "bench:gates", { adapter: gpu.adapter.name, checks });
  gpu.close();
}
process.exitCode = checks.every(({ isWithin }) => isWithin) ? 0 : 1;
