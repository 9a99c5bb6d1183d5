// A training loop of your own whose step is captured: recorded the first time, only replayed from then on. A network of two
// layers learns a function of two numbers from noisy values. Run it with `node examples/captured-step.mjs`.
import {
  add,
  backward,
  capture,
  dropout,
  Gpu,
  keep,
  linear,
  mean,
  normal,
  square,
  sub,
  tanh,
  tensor,
  tidy,
  uniform,
  zeros,
} from "graft-gpu";
import { AdamW } from "graft-gpu/nn";

const gpu = await Gpu.open();
console.log(`Adapter: ${gpu.adapter.name}`);

const STEPS = 200;

/** 64 points of a square, and what the network is to say of them. */
function batch(step) {
  const points = Array.from({ length: 64 }, (_, i) => [Math.sin(7.1 * i + step), Math.cos(3.7 * i - 2 * step)]);
  return { x: tensor(points), y: tensor(points.map(([a, b]) => [Math.sin(3 * a) * b])) };
}

async function train(isCaptured) {
  const parameters = new Map();
  const parameter = (name, value) => {
    value.requiresGrad = true;
    parameters.set(name, keep(value));
    return value;
  };
  const weight1 = parameter("weight1", uniform([2, 32], { seed: 1, low: -1, high: 1 }));
  const bias1 = parameter("bias1", uniform([32], { seed: 2, low: -1, high: 1 }));
  const weight2 = parameter("weight2", uniform([32, 1], { seed: 3, low: -0.3, high: 0.3 }));
  const bias2 = parameter("bias2", zeros([1]));
  const optimizer = new AdamW([{ name: "all", parameters, learningRate: 0.02, weightDecay: 0 }]);

  let count = 0;
  const step = ({ x, y }) => {
    // Functions where a number differs from step to step: they are asked again at each replay.
    const noise = normal(y.shape, { seed: () => 2 * count, deviation: 0.05 });
    const hidden = dropout(tanh(linear(x, weight1, bias1, "in-out")), 0.02, () => 2 * count + 1);
    const loss = mean(square(sub(linear(hidden, weight2, bias2, "in-out"), add(y, noise))));
    optimizer.step(backward(loss), { factor: () => 1 - count / STEPS });
    // What the step changes on the host happens at each replay too.
    gpu.hostEffect(() => count++);
    return loss;
  };
  const run = isCaptured ? capture(gpu, step) : (inputs) => tidy(() => step(inputs));

  const losses = [];
  let milliseconds = 0;
  const before = { ...gpu.statistics };
  for (let i = 0; i < STEPS; i++) {
    const inputs = batch(i);
    const begin = performance.now();
    const loss = run(inputs);
    milliseconds += performance.now() - begin;
    losses.push(await loss.item());
    for (const used of [inputs.x, inputs.y, loss]) used.dispose();
    if (i === 1) Object.assign(before, gpu.statistics);
  }
  const made = ["buffersCreated", "bindGroupsCreated"].map((name) => gpu.statistics[name] - before[name]);
  console.log(
    `${isCaptured ? "captured" : "as it is"}: loss ${losses[0].toFixed(4)} to ${losses.at(-1).toFixed(4)}; ` +
      `from the third step on ${made[0]} buffers and ${made[1]} bind groups made`,
  );
  console.info(`${((1000 * milliseconds) / STEPS).toFixed(0)} µs of the host's time a step`);
  if (isCaptured) run.dispose();
  for (const used of parameters.values()) used.dispose();
  optimizer.dispose();
  return losses;
}

const plain = await train(false);
const captured = await train(true);
console.log(`the same losses, bit for bit: ${captured.every((loss, i) => loss === plain[i])}`);
gpu.close();
