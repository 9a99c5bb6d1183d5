import { type ScenarioName, scenarios } from "./scenarios.ts";

/** Runs a scenario in the page or in a worker of its own; errors come back as their messages. */
export async function run(name: ScenarioName, argument: unknown, place: "page" | "worker"): Promise<unknown> {
  if (place === "page") return scenarios[name](argument as never);
  const worker = new Worker("worker.js", { type: "module" });
  const answer = await new Promise<{ value?: unknown; error?: string }>((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage({ name, argument });
  });
  worker.terminate();
  if (answer.error) throw new Error(answer.error);
  return answer.value;
}

Object.assign(globalThis, { run });
