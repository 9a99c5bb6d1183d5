import { type ScenarioName, scenarios } from "./scenarios.ts";

addEventListener("message", async ({ data }: MessageEvent<{ name: ScenarioName; argument: never }>) => {
  try {
    postMessage({ value: await scenarios[data.name](data.argument) });
  } catch (error) {
    postMessage({ error: (error as Error).message });
  }
});
