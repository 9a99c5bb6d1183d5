// Graft beside other WebGPU engines: one run, one adapter, one table. Every answer is held against double precision
// before its time counts, and engines take turns (A B A B), each in a process of its own.
// Usage: npm run bench:peers -- [--only TEXT] [--engines a,b] [--seconds S] [--software] [--json FILE]
//   [--leave-out ENGINE:TEXT,…] [--patience SECONDS]
import { execFileSync } from "node:child_process";
import { parseArgs } from "node:util";
import { keepRun } from "../kept-run.mjs";
import { EngineProcess, PYTHON, setPatience, TorchProcess } from "./engine-process.mjs";
import { measure, summarize } from "./measure.mjs";
import { SAMPLING, standing } from "./sampling.mjs";
import { workloads } from "./workloads.mjs";

const ENGINES = {
  graft: ["graft"],
  tfjs: ["tfjs"],
  "jax-jit": ["jax", "jit"],
  "jax-eager": ["jax", "eager"],
  onnxruntime: ["onnxruntime"],
};

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    engines: { type: "string" },
    seconds: { type: "string", default: String(SAMPLING.seconds) },
    software: { type: "boolean", default: false },
    json: { type: "string" },
    "leave-out": { type: "string", default: "" },
    patience: { type: "string" },
  },
});

const begin = performance.now();
const sampling = { ...SAMPLING, seconds: Number(options.seconds) };
if (!(sampling.seconds > 0)) throw new Error(`--seconds ${options.seconds}: expected a positive number`);
const chosen = workloads.filter(({ id }) => id.includes(options.only));
if (chosen.length === 0) {
  throw new Error(`no row has "${options.only}" in its name; there are ${workloads.map(({ id }) => id).join(", ")}`);
}
const names = options.engines?.split(",") ?? [...Object.keys(ENGINES), "pytorch"];
const unknown = names.find((name) => !(name in ENGINES) && name !== "pytorch");
if (unknown) throw new Error(`no engine "${unknown}"; there are ${[...Object.keys(ENGINES), "pytorch"].join(", ")}`);

/** Engines that are left out of rows with some text in their names, to keep a run short: the table says so. */
const leftOut = options["leave-out"]
  .split(",")
  .filter(Boolean)
  .map((entry) => {
    const [engine, text] = entry.split(":");
    if (!names.includes(engine) || engine === "graft" || !text) {
      throw new Error(
        `--leave-out ${entry}: expected an engine beside graft that runs, a colon and part of a row's name`,
      );
    }
    return { engine, text };
  });
const isLeftOut = (peer, row) => leftOut.some(({ engine, text }) => engine === peer.key && row.id.includes(text));

if (options.patience !== undefined) {
  const seconds = Number(options.patience);
  if (!(seconds > 0)) throw new Error(`--patience ${options.patience}: expected a number of seconds`);
  setPatience(1000 * seconds);
}

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

const secondsSince = (start) => Math.round((performance.now() - start) / 1000);
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

const isPeer = ({ engine }) => engine !== "graft" && engine !== "pytorch";

function describe(summary) {
  if (summary.status === "cannot") return "—";
  if (summary.status !== "right") return summary.status;
  return `${short(summary.milliseconds)}${summary.holdsForward ? " (f+b)" : ""}`;
}

const peers = await openEngines();
const table = [];
console.log(peers.map(({ name, version, adapter }) => `${name} ${version} on ${adapter}`).join("\n"));
console.log(
  `\nMilliseconds, medians of samples that take turns: of each engine for ${sampling.seconds} s in a row, ${sampling.least} to ` +
    `${sampling.most} of them.\n(f+b): its backward pass runs forward too. Level: Graft's middle half of samples overlaps a peer's.\n`,
);
const widths = [36, ...peers.map(({ name }) => Math.max(name.length, 11)), 20, 7];
const line = (cells) =>
  console.log(cells.map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join("  "));
line(["", ...peers.map(({ name }) => name), "best peer / graft", "seconds"]);
try {
  for (const row of chosen) {
    const start = performance.now();
    const parts = await measure(
      peers.filter((peer) => !isLeftOut(peer, row)),
      row,
      sampling,
    );
    const engines = peers.map((peer) => {
      const part = parts.find((own) => own.peer === peer);
      return part ? summarize(row, part) : { engine: peer.key, status: "left out" };
    });
    const graft = engines.find(({ engine }) => engine === "graft");
    const { bestPeerRatio, levelWith } = standing(graft, engines.filter(isPeer));
    const seconds = secondsSince(start);
    const { id, operations, bytes } = row;
    table.push({ id, operations, bytes, seconds, engines, bestPeerRatio, levelWith });
    const times =
      bestPeerRatio === undefined ? "" : `${levelWith.length > 0 ? "level, " : ""}${bestPeerRatio.toFixed(2)}×`;
    line([id, ...engines.map(describe), times, String(seconds)]);
  }
} finally {
  for (const { engine } of peers) engine.close();
}

const ratios = table.map(({ bestPeerRatio }) => bestPeerRatio).filter((x) => x !== undefined);
const geometricMean = Math.exp(ratios.reduce((total, x) => total + Math.log(x), 0) / ratios.length);
if (ratios.length > 0) console.log(`\nGeometric mean over the best peer of each row: ${geometricMean.toFixed(2)}×`);
for (const { id, engines } of table) {
  for (const { engine, status, reason } of engines) {
    if (reason) console.log(`${id}: ${engine} ${status}: ${reason}`);
  }
}
if (options.json) {
  keepRun(options.json, "bench:peers", {
    adapter: peers[0]?.adapter,
    versions: Object.fromEntries(peers.map(({ key, version }) => [key, version])),
    sampling,
    seconds: secondsSince(begin),
    geometricMean: ratios.length > 0 ? geometricMean : undefined,
    rows: table,
  });
}
