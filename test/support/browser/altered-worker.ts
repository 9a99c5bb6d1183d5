/*
 * A session's worker that differs from others in what the query of its address names, so that what a test waits for happens
 * at a step and not at a time:
 *
 * - `lose=6`: its device is destroyed once when step 6 is told;
 * - `hold=6`: its thread stands still for ever when step 6 has been told;
 * - `end=6`: it ends when step 6 has been told, as if the browser had ended it;
 * - `timeless`: no time passes for timers and frames, as in a tab that nobody sees;
 * - `gpuless`: the browser has no WebGPU.
 */

const query = new URLSearchParams(location.search);
const send = globalThis.postMessage.bind(globalThis) as (message: unknown) => void;

if (query.has("gpuless")) Object.defineProperty(navigator, "gpu", { value: undefined });

if (query.has("timeless")) {
  const never = (): number => 0;
  Object.assign(globalThis, {
    setTimeout: never,
    setInterval: never,
    requestAnimationFrame: never,
    requestIdleCallback: never,
  });
}

let device: GPUDevice | undefined;
if (query.has("lose")) {
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (this: GPUAdapter, descriptor) {
    device = await requestDevice.call(this, descriptor);
    return device;
  };
}

let isLost = false;
const act: Readonly<Record<string, () => void>> = {
  lose: () => {
    if (!isLost) device?.destroy();
    isLost = true;
  },
  // A server that never answers is waited for.
  hold: () => {
    const request = new XMLHttpRequest();
    request.open("GET", "held", false);
    request.send();
  },
  end: () => globalThis.close(),
};

globalThis.postMessage = (message: { piece?: { type: string; step: number } }) => {
  send(message);
  const { piece } = message;
  if (piece?.type !== "step") return;
  for (const [name, deed] of Object.entries(act)) if (query.get(name) === String(piece.step)) deed();
};

export {};
