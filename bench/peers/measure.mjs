// The engines' turns at a row: what is wrong is found before it is timed.
import { NoAnswer } from "./no-answer.mjs";
import { findError } from "./reference.mjs";
import { hasTurn, SAMPLING, samplesFor, spreadOf } from "./sampling.mjs";

/** A sample lasts at least about this long, so that waiting for the device does not decide it. */
const SAMPLE_MILLISECONDS = 40;
const MOST_EXECUTIONS = 16;
/** Of what is quicker the least of three tells how long an execution takes: one alone may meet with other work. */
const QUICK_MILLISECONDS = 300;
const QUICK_TRIES = 3;
/** An execution that takes longer by itself is not repeated: that it is slow is beyond doubt, and a table ends some day. */
const LONG_MILLISECONDS = 4000;
/** Executions of a chain of tiny adds before it is timed: it is the host's work, and engines' code is compiled as it recurs. */
const WARM_CHAINS = 8;

/** What an engine takes for one execution; throws what its device says against it. */
async function runOnce(peer, row, values) {
  const { milliseconds, errors } = await peer.engine.ask("run", values, row);
  if (errors.length > 0) throw new Error(`GPU error: ${errors[0].slice(0, 160)}`);
  return milliseconds;
}

/** About how long an execution takes. */
async function estimate(peer, row) {
  let least = await runOnce(peer, row, { count: 1 });
  for (let tries = 1; tries < QUICK_TRIES && least < QUICK_MILLISECONDS; tries++) {
    least = Math.min(least, await runOnce(peer, row, { count: 1 }));
  }
  return least;
}

/** One engine's part in a row: prepared, compared, how often it executes in a sample, and how many samples it has. */
async function prepare(peer, row, inputs, sampling) {
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
    if (row.kind === "tiny-adds") await peer.engine.ask("run", { count: WARM_CHAINS }, row);
    const milliseconds = await estimate(peer, row);
    const bytes = Object.values(prepared.outputs).reduce((total, { byteLength }) => total + byteLength, 0);
    const room = Math.max(1, Math.floor(2 ** 28 / bytes));
    result.count = Math.min(MOST_EXECUTIONS, room, Math.max(1, Math.ceil(SAMPLE_MILLISECONDS / milliseconds)));
    if (row.kind === "training-step") result.count = 1;
    result.turns = samplesFor(result.count * milliseconds, sampling);
    // A training step has later losses to show, and Graft's backward rows are timed in two ways.
    result.isLong = milliseconds > LONG_MILLISECONDS && row.kind !== "training-step" && peer.key !== "graft";
    if (result.isLong) {
      result.turns = 0;
      result.samples.push(milliseconds);
    }
  } catch (error) {
    result.failure = error.message;
    result.isLate = error instanceof NoAnswer;
  }
  return result;
}

/** Whether a peer's backward row holds its forward pass, so that Graft is timed with it too. */
const holdsForward = (peer, row) => row.pass === "backward" && !peer.separatesBackward;

async function sample(peer, row, result, withForward, into) {
  try {
    into.push(await runOnce(peer, row, { count: result.count, withForward }));
  } catch (error) {
    result.failure = error.message;
    result.isLate = error instanceof NoAnswer;
  }
}

/**
 * Every engine's part in a row: first its answer, then its samples in turn with the others'. An engine whose answer is
 * wrong, or comes with an error, is not timed.
 *
 * @param peers `{ key, engine, separatesBackward }`, where `engine.ask(request, values, row)` gives what serve.mjs tells
 * @param sampling how long and how often each is timed
 */
export async function measure(peers, row, sampling = SAMPLING) {
  const inputs = Object.fromEntries(Object.entries(row.inputs).map(([name, { values }]) => [name, values()]));
  const results = new Map();
  for (const peer of peers) results.set(peer, await prepare(peer, row, inputs, sampling));
  const runnable = peers.filter((peer) => results.get(peer) && !results.get(peer).wrong && !results.get(peer).failure);
  const graftTwice = runnable.some((peer) => holdsForward(peer, row));
  const rounds = Math.max(0, ...runnable.map((peer) => results.get(peer).turns));
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? runnable : [...runnable].reverse();
    for (const peer of order) {
      const result = results.get(peer);
      if (result.failure || !hasTurn(round, rounds, result.turns)) continue;
      await sample(peer, row, result, holdsForward(peer, row), result.samples);
      if (graftTwice && peer.key === "graft") await sample(peer, row, result, true, result.withForward);
    }
  }
  for (const peer of runnable) {
    const result = results.get(peer);
    if (result.failure || result.isLong) continue;
    result.counts = await peer.engine.ask("count", {}, row).catch(() => undefined);
    if (row.kind !== "training-step") continue;
    try {
      const { outputs, losses = outputs.losses } = await peer.engine.ask("losses", {}, row);
      result.losses = Array.from(losses.slice(0, 1 + row.laterLosses.length));
      result.wrong = findError(row, inputs, { losses }, true) ?? undefined;
    } catch (error) {
      result.failure = error.message;
    }
  }
  for (const peer of peers) await peer.engine.ask("release").catch(() => {});
  return peers.map((peer) => ({ peer, result: results.get(peer) }));
}

/** A line of the table, and of the run as JSON. */
export function summarize(row, { peer, result }) {
  if (!result) return { engine: peer.key, status: "cannot" };
  const { wrong, failure, isLate, samples, count, withForward, firstMilliseconds, counts, losses } = result;
  const base = { engine: peer.key, firstMilliseconds, counts, losses };
  if (wrong) return { ...base, status: "wrong", reason: wrong };
  if (isLate) return { ...base, status: "no answer", reason: failure };
  if (failure || samples.length === 0) return { ...base, status: "failed", reason: failure };
  const summary = {
    ...base,
    status: "right",
    ...spreadOf(samples),
    executionsInSample: result.isLong ? 1 : count,
    holdsForward: holdsForward(peer, row),
  };
  if (row.operations) summary.gigaflops = row.operations / summary.milliseconds / 1e6;
  if (row.bytes) summary.gigabytesPerSecond = row.bytes / summary.milliseconds / 1e6;
  if (withForward.length > 0) summary.withForward = spreadOf(withForward);
  return summary;
}
