// One engine in a process of its own, which does as the parent asks: rows take turns between engines, A B A B.
import { errors } from "./webgpu.mjs";
import { workloads } from "./workloads.mjs";

const [file, ...options] = process.argv.slice(2);
const engine = await import(`./engines/${file}.mjs`);
let current;

const handlers = {
  async open() {
    const opened = await engine.open({ software: options.includes("software") });
    return { ...opened, name: engine.name, version: engine.version, separatesBackward: !!engine.separatesBackward };
  },
  /** Compiles and runs once, and gives the answer. */
  async prepare({ id }) {
    const row = workloads.find((candidate) => candidate.id === id);
    if (engine.canDo && !engine.canDo(row)) return { skipped: true };
    errors.length = 0;
    current = await engine.prepare(row);
    const firstMilliseconds = await current.run(1);
    return { firstMilliseconds, outputs: await current.read(), errors: [...errors] };
  },
  /** Milliseconds of one execution, the mean of `count` in a row. */
  async run({ count, withForward }) {
    errors.length = 0;
    const milliseconds = (await current.run(count, withForward)) / count;
    return { milliseconds, errors: [...errors] };
  },
  /** What one execution asks of the device. */
  async count() {
    const before = engine.counters();
    await current.run(1);
    const after = engine.counters();
    return Object.fromEntries(
      Object.entries(after).map(([name, value]) => [name, name === "peakBytes" ? value : value - before[name]]),
    );
  },
  async losses() {
    return current.read();
  },
  async release() {
    await current?.release();
    current = undefined;
    return {};
  },
};

process.on("message", async ({ request, ...values }) => {
  try {
    process.send({ result: await handlers[request](values) });
  } catch (error) {
    process.send({
      failure: String(error?.message ?? error)
        .split("\n")[0]
        .slice(0, 200),
    });
  }
});
process.on("disconnect", () => process.exit(0));
