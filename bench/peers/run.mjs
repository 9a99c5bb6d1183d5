// Graft beside other WebGPU engines: one run, one adapter, one table. Every answer is held against double precision
// before its time counts, and engines take turns (A B A B), each in a process of its own.
// Usage: npm run bench:peers -- [--only TEXT] [--engines a,b] [--rounds N] [--software] [--json FILE]
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { EngineProcess, PYTHON, TorchProcess } from "./engine-process.mjs";
import { findError } from "./reference.mjs";
import { workloads } from "./workloads.mjs";

const ENGINES = {
  graft: ["graft"],
  tfjs: ["tfjs"],
  "jax-jit": ["jax", "jit"],
  "jax-eager": ["jax", "eager"],
  onnxruntime: ["onnxruntime"],
};

/** A sample lasts at least about this long, so that waiting for the device does not decide it. */
const SAMPLE_MILLISECONDS = 40;
const MOST_EXECUTIONS = 16;
/** Only this often is an execution of more than two seconds repeated. */
const FEW_ROUNDS = 3;

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    engines: { type: "string" },
    rounds: { type: "string", default: "7" },
    software: { type: "boolean", default: false },
    json: { type: "string" },
  },
});

const rounds = Number(options.rounds);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${options.rounds}: expected a positive integer`);
const chosen = workloads.filter(({ id }) => id.includes(options.only));
if (chosen.length === 0) {
  throw new Error(`no row has "${options.only}" in its name; there are ${workloads.map(({ id }) => id).join(", ")}`);
}
const names = options.engines?.split(",") ?? [...Object.keys(ENGINES), "pytorch"];
const unknown = names.find((name) => !(name in ENGINES) && name !== "pytorch");
if (unknown) throw new Error(`no engine "${unknown}"; there are ${[...Object.keys(ENGINES), "pytorch"].join(", ")}`);

const hasTorch = () => {
  try {
    execFileSync(PYTHON, ["-c", "import torch, numpy"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

/** Where every engine finds the same software adapter: the loader's variables, as the engine itself sets them. */
async function softwareEnvironment() {
  if (!options.software) return {};
  const { softwareDriverEnvironment } = await import("./software.mjs");
  return softwareDriverEnvironment();
}

const sorted = (list) => [...list].sort((a, b) => a - b);
const quantile = (list, q) => {
  const order = sorted(list);
  const position = (order.length - 1) * q;
  const below = Math.floor(position);
  return order[below] + (position - below) * ((order[below + 1] ?? order[below]) - order[below]);
};
const short = (x) => (x >= 100 ? x.toFixed(0) : x.toPrecision(3));

async function openEngines() {
  const environment = await softwareEnvironment();
  const opened = [];
  for (const name of names) {
    if (name === "pytorch" && !hasTorch()) continue;
    const engine =
      name === "pytorch"
        ? new TorchProcess()
        : new EngineProcess(
            ENGINES[name][0],
            [ENGINES[name][1] ?? "", options.software ? "software" : ""].filter(Boolean),
            environment,
          );
    try {
      opened.push({ key: name, engine, ...(await engine.open()) });
    } catch (error) {
      console.error(`${name}: ${error.message}`);
      engine.close();
    }
  }
  return opened;
}

/** One engine's part in a row: prepared, compared, and how often it executes in a sample. */
async function prepare(peer, row, inputs) {
  const result = { samples: [], withForward: [] };
  try {
    const prepared = await peer.engine.ask("prepare", { id: row.id }, row);
    if (prepared.skipped) return null;
    result.firstMilliseconds = prepared.firstMilliseconds;
    if (prepared.errors.length > 0) throw new Error(`GPU error: ${prepared.errors[0].slice(0, 160)}`);
    const wrong = findError(row, inputs, prepared.outputs);
    if (wrong) {
      result.wrong = wrong;
      return result;
    }
    const { milliseconds } = await peer.engine.ask("run", { count: 1 }, row);
    const bytes = Object.values(prepared.outputs).reduce((total, { byteLength }) => total + byteLength, 0);
    const room = Math.max(1, Math.floor(2 ** 28 / bytes));
    result.count = Math.min(MOST_EXECUTIONS, room, Math.max(1, Math.ceil(SAMPLE_MILLISECONDS / milliseconds)));
    if (row.kind === "training-step" || row.kind === "tiny-adds") result.count = 1;
    result.rounds = milliseconds > 2000 ? Math.min(rounds, FEW_ROUNDS) : rounds;
    result.milliseconds = milliseconds;
  } catch (error) {
    result.failure = error.message;
  }
  return result;
}

/** Whether a peer's backward row holds its forward pass, so that Graft is timed with it too. */
const holdsForward = (peer, row) => row.pass === "backward" && !peer.separatesBackward;

async function sample(peer, row, result, withForward, into) {
  try {
    const { milliseconds, errors } = await peer.engine.ask("run", { count: result.count, withForward }, row);
    if (errors.length > 0) throw new Error(`GPU error: ${errors[0].slice(0, 160)}`);
    into.push(milliseconds);
  } catch (error) {
    result.failure = error.message;
  }
}

async function measure(peers, row) {
  const inputs = Object.fromEntries(Object.entries(row.inputs).map(([name, { values }]) => [name, values()]));
  const results = new Map();
  for (const peer of peers) results.set(peer, await prepare(peer, row, inputs));
  const runnable = peers.filter((peer) => results.get(peer) && !results.get(peer).wrong && !results.get(peer).failure);
  const graftTwice = runnable.some((peer) => holdsForward(peer, row));
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? runnable : [...runnable].reverse();
    for (const peer of order) {
      const result = results.get(peer);
      if (result.failure || round >= result.rounds) continue;
      await sample(peer, row, result, holdsForward(peer, row), result.samples);
      if (graftTwice && peer.key === "graft") await sample(peer, row, result, true, result.withForward);
    }
  }
  for (const peer of runnable) {
    const result = results.get(peer);
    if (result.failure) continue;
    result.counts = await peer.engine.ask("count", {}, row).catch(() => undefined);
    if (row.kind !== "training-step") continue;
    const { outputs, losses = outputs.losses } = await peer.engine.ask("losses", {}, row);
    result.losses = Array.from(losses.slice(0, 3));
    result.wrong = findError(row, inputs, { losses }) ?? undefined;
  }
  for (const peer of peers) await peer.engine.ask("release").catch(() => {});
  return peers.map((peer) => ({ peer, result: results.get(peer) }));
}

function summarize(row, { peer, result }) {
  if (!result) return { engine: peer.key, status: "cannot" };
  const { wrong, failure, samples, withForward, firstMilliseconds, counts, losses } = result;
  const base = { engine: peer.key, firstMilliseconds, counts, losses };
  if (wrong) return { ...base, status: "wrong", reason: wrong };
  if (failure || samples.length === 0) return { ...base, status: "failed", reason: failure };
  const summary = {
    ...base,
    status: "right",
    milliseconds: quantile(samples, 0.5),
    lowerQuartile: quantile(samples, 0.25),
    upperQuartile: quantile(samples, 0.75),
    samples: samples.length,
    holdsForward: holdsForward(peer, row),
  };
  if (row.operations) summary.gigaflops = row.operations / summary.milliseconds / 1e6;
  if (row.bytes) summary.gigabytesPerSecond = row.bytes / summary.milliseconds / 1e6;
  if (withForward.length > 0) summary.millisecondsWithForward = quantile(withForward, 0.5);
  return summary;
}

/** How many times faster Graft is than a peer at the same work. */
function ratio(graft, other) {
  if (graft?.status !== "right" || other.status !== "right") return undefined;
  return other.milliseconds / (other.holdsForward ? graft.millisecondsWithForward : graft.milliseconds);
}

const isPeer = ({ engine }) => engine !== "graft" && engine !== "pytorch";

function describe(summary) {
  if (summary.status === "cannot") return "—";
  if (summary.status !== "right") return summary.status;
  return `${short(summary.milliseconds)}${summary.holdsForward ? " (f+b)" : ""}`;
}

const peers = await openEngines();
const table = [];
console.log(peers.map(({ name, version, adapter }) => `${name} ${version} on ${adapter}`).join("\n"));
console.log(`\nMilliseconds, median of ${rounds} alternating samples; (f+b): its backward pass runs forward too.\n`);
const widths = [36, ...peers.map(({ name }) => Math.max(name.length, 11)), 20];
const line = (cells) =>
  console.log(cells.map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join("  "));
line(["", ...peers.map(({ name }) => name), "best peer / graft"]);
try {
  for (const row of chosen) {
    const engines = (await measure(peers, row)).map((part) => summarize(row, part));
    const graft = engines.find(({ engine }) => engine === "graft");
    const ratios = engines
      .filter(isPeer)
      .map((other) => ratio(graft, other))
      .filter((x) => x !== undefined);
    const best = ratios.length > 0 ? Math.min(...ratios) : undefined;
    table.push({ id: row.id, operations: row.operations, bytes: row.bytes, engines, bestPeerRatio: best });
    line([row.id, ...engines.map(describe), best === undefined ? "" : `${best.toFixed(2)}×`]);
  }
} finally {
  for (const { engine } of peers) engine.close();
}

const ratios = table.map(({ bestPeerRatio }) => bestPeerRatio).filter((x) => x !== undefined);
const geometricMean = Math.exp(ratios.reduce((total, x) => total + Math.log(x), 0) / ratios.length);
if (ratios.length > 0) console.log(`\nGeometric mean over the best peer of each row: ${geometricMean.toFixed(2)}×`);
for (const { id, engines } of table) {
  for (const { engine, status, reason } of engines) {
    if (status === "wrong" || status === "failed") console.log(`${id}: ${engine} ${status}: ${reason}`);
  }
}
if (options.json) {
  const versions = Object.fromEntries(peers.map(({ key, version }) => [key, version]));
  const report = {
    date: new Date().toISOString(),
    adapter: peers[0]?.adapter,
    processor: `${cpus().length} × ${cpus()[0]?.model}`,
    versions: { node: process.versions.node, ...versions },
    rounds,
    geometricMean: ratios.length > 0 ? geometricMean : undefined,
    rows: table,
  };
  mkdirSync(dirname(options.json), { recursive: true });
  writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
}
