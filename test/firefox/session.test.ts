import { expect, it } from "vitest";
import type { WebGpuProblem } from "../../src/session/index.ts";
import { seenInFirefox } from "../support/browser/firefox-page.ts";
import type { HiddenRun } from "../support/browser/hidden-run.ts";
import type { ReloadedRun } from "../support/browser/reloaded-run.ts";
import { SEEN } from "../support/browser/seen.ts";
import { bundle } from "../support/browser/serve.ts";

it("a session trains in its worker, and goes on after a reload in the middle, bit for bit", async () => {
  const files = await bundle({
    page: "test/support/browser/session-page.ts",
    run: "test/support/browser/reloaded-run.ts",
    "session-worker": "src/session/worker.ts",
  });
  const { seen, alarms } = await seenInFirefox<ReloadedRun>(["page.js", "run.js"], files);
  expect(seen.whole?.losses, JSON.stringify(seen)).toHaveLength(40);
  expect(seen.whole.losses.at(-1)).toBeLessThan(seen.whole.losses[0]);
  expect(seen.stored!.ended).toBeNull();
  expect(seen.stored!.step).toBeGreaterThanOrEqual(4);
  expect(seen.pickedUp.history).toBe(seen.stored!.step);
  expect(seen.pickedUp.losses).toEqual(seen.whole.losses);
  expect(seen.pickedUp.weights).toBe(seen.whole.weights);
  expect(seen.isForgotten).toBe(true);
  expect(alarms).toEqual([]);
  console.log(`Firefox trained on the adapter of class ${seen.adapter}`);
});

it("a session trains on in a tab behind another one, and ends with the bits of one in sight", async () => {
  const files = await bundle({
    page: "test/support/browser/session-page.ts",
    run: "test/support/browser/hidden-run.ts",
    "session-worker": "src/session/worker.ts",
  });
  const settings = { "dom.disable_open_during_load": false };
  const { seen, alarms } = await seenInFirefox<HiddenRun>(["page.js", "run.js"], files, settings);
  expect(seen.isHidden, JSON.stringify(seen)).toBe(true);
  expect(seen.taken).toBeGreaterThan(seen.hiddenAt + 20);
  expect(seen.kept).toBeGreaterThan(seen.hiddenAt);
  expect(seen.again).toEqual(seen.whole);
  expect(seen.whole.losses).toHaveLength(40);
  expect(alarms).toEqual([]);
});

it("a page without WebGPU says which setting to switch on", async () => {
  const files = await bundle({ session: "src/session/index.ts" });
  const page = `import { describeWebGpuProblem } from "./session.js";
    fetch("${SEEN}", { method: "POST", body: JSON.stringify(await describeWebGpuProblem()) });`;
  const settings = { "dom.webgpu.enabled": false };
  const { seen, alarms } = await seenInFirefox<WebGpuProblem>(["page.js"], { ...files, "page.js": page }, settings);
  expect(seen).toMatchObject({ kind: "no-webgpu", title: "This browser has no WebGPU" });
  expect(seen.steps[0]).toBe("Switch on dom.webgpu.enabled in about:config.");
  expect(alarms).toEqual([]);
});
