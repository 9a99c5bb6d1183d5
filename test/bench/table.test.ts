import { expect, it } from "vitest";
import { planOf } from "../../src/bench/plan.ts";
import { runBench } from "../../src/bench/run.ts";
import { STEP_ROWS } from "../../src/bench/steps/index.ts";
import { OP_ROWS, runOpRow } from "../../src/bench/table/index.ts";
import { useGpu } from "../support/gpu.ts";

// A script in plain JavaScript, without types.
const scripts = "../../bench/peers";
const { workloads } = (await import(`${scripts}/workloads.mjs`)) as { workloads: { id: string }[] };

const gpu = useGpu();
const quick = { samples: 1, sampleMilliseconds: 0, budgetMilliseconds: 0, preferGpuClock: true };
const peaks = { gigaflops: 1, gigabytes: 1 };

/** Ops that are quick to run and to compute in double precision; the others are products and sums of the same kinds. */
const QUICK = [
  "batched-matmul-12x256x64x256/forward",
  "softmax-3072x256/forward",
  "softmax-3072x256/backward",
  "layer-norm-512x768/forward",
  "layer-norm-512x768/backward",
  "gelu-512x3072/forward",
  "gelu-512x3072/backward",
  "tiny-adds-1000",
  "conv-1x1/forward",
  "conv-1x1/backward",
  "conv-depthwise-3x3/forward",
];

it.each(QUICK)("%s agrees with double precision and is timed by the wall", async (id) => {
  const { problem, candidate, title } = OP_ROWS.find((row) => row.id === id)!;
  const row = await runOpRow(gpu(), { id, title, problem, candidate }, peaks, quick);
  expect(`${row.status} ${row.reason ?? ""}`).toBe("right ");
  expect(row).toMatchObject({ id, title, suite: "table", timing: { clock: "wall" } });
  expect(row.timing!.median).toBeGreaterThan(0);
  expect(gpu().statistics.rescuedTensors).toBe(0);
});

it("a wrong gradient is wrong, and names the one", async () => {
  const row = OP_ROWS.find(({ id }) => id === "layer-norm-512x768/backward")!;
  const swapped = {
    ...row.candidate,
    prepare: async (...given: Parameters<typeof row.candidate.prepare>) => {
      const work = await row.candidate.prepare(...given);
      return () => {
        const [x, weight, bias] = work();
        return [x, bias, weight];
      };
    },
  };
  const { status, reason, timing } = await runOpRow(gpu(), { ...row, candidate: swapped }, peaks, quick);
  expect(status).toBe("wrong");
  expect(reason).toMatch(/^weight's gradient\[0\] is /);
  expect(timing).toBeUndefined();
});

it("has a row for every one that is compared with other engines, of the same name", () => {
  const own = [...OP_ROWS, ...STEP_ROWS].map(({ id }) => id);
  expect(new Set(own).size).toBe(own.length);
  expect(own).toEqual(expect.arrayContaining(workloads.map(({ id }) => id)));
  const { ops, steps } = planOf("table");
  const table = [...ops, ...steps].map(({ id }) => id);
  expect(table).toEqual(expect.arrayContaining(workloads.map(({ id }) => id)));
});

it("runs a plan in order, one row at a time", async () => {
  const plan = planOf("conv-1x1");
  expect(plan.ops.map(({ id }) => id)).toEqual(["conv-1x1/forward", "conv-1x1/backward"]);
  const events: string[] = [];
  for await (const event of runBench(gpu(), plan, quick)) {
    if (event.type === "begin") events.push(`begin ${event.title} ${event.done}/${event.total}`);
    else if (event.type === "rows") events.push(...event.rows.map(({ id, status }) => `${id} ${status}`));
    else events.push(event.type);
  }
  expect(events).toEqual([
    "peaks",
    ...["begin conv-1x1/forward 0/2", "conv-1x1/forward right"],
    ...["begin conv-1x1/backward 1/2", "conv-1x1/backward right"],
    "peaks",
  ]);
});
