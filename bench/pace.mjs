// How fast this machine is just now, beside the quiet machine that limits of times are made for (two cores of an AMD EPYC):
// 1 there, 2 where the same takes twice as long, since cores are slower or have other work.
import { Worker } from "node:worker_threads";

/** Steps of a loop of whole numbers, and how many a core of that machine makes in a millisecond. */
const STEPS = 2 ** 28;
const STEPS_A_MILLISECOND = 770_000;
const CORES = 2;
const SHORT_STEPS = 2 ** 21;
const SHORT_TRIES = 60;

function spin(steps) {
  let x = 1;
  for (let i = 0; i < steps; i++) x = Math.imul(x ^ (x >>> 13), 0x9e3779b1);
  return x;
}

/** The pace of two cores together, with what else runs on them; takes a third of a second on a quiet machine. */
export async function machinePace() {
  const code = `const { parentPort, workerData } = require("node:worker_threads");
    ${spin}
    const begin = performance.now();
    spin(workerData);
    parentPort.postMessage(performance.now() - begin);`;
  const times = await Promise.all(
    Array.from({ length: CORES }, () => {
      const worker = new Worker(code, { eval: true, workerData: STEPS });
      return new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
    }),
  );
  return (Math.max(...times) * STEPS_A_MILLISECOND) / STEPS;
}

/** The pace of one core in the moments that it has to itself. */
export function corePace() {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < SHORT_TRIES; i++) {
    const begin = performance.now();
    spin(SHORT_STEPS);
    least = Math.min(least, performance.now() - begin);
  }
  return (least * STEPS_A_MILLISECOND) / SHORT_STEPS;
}
