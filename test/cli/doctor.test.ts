import { describe, expect, it } from "vitest";
import { type Diagnosis, doctor, renderDiagnosis } from "../../src/cli/commands/doctor.ts";
import { memoryContext } from "./support.ts";

const broken: Diagnosis = {
  ok: false,
  versions: {
    ...{ graft: "0.1.0", node: "20.20.2", platform: "linux x64" },
    ...{ webgpu: null, chromium: null, sharp: null, hub: null },
  },
  attempts: [{ what: "npm package webgpu", result: "not installed" }],
  adapter: null,
  limits: {},
  features: {},
  variants: {},
  tuned: null,
  computation: null,
  downloads: { path: "/home/me/.cache/graft/models", bytes: 0 },
  error: "No WebGPU adapter was found (npm package webgpu: not installed).",
  remedies: ["npm install webgpu"],
};

describe("graft doctor", () => {
  it("computes on the adapter it finds", async () => {
    const context = { ...memoryContext(), env: { XDG_CACHE_HOME: "/nowhere" } };
    const options = { json: true, software: false, verbose: false, help: false };
    expect(await doctor.run({ options, positionals: {}, given: new Set() }, context)).toBe(0);
    const diagnosis: Diagnosis = JSON.parse(context.stdout.text);
    expect(diagnosis).toMatchObject({ ok: true, error: null, computation: { ok: true } });
    expect(diagnosis.attempts.length).toBeGreaterThan(0);
    expect(diagnosis.limits.maxBufferSize).toBeGreaterThanOrEqual(2 ** 28);
    expect(Object.keys(diagnosis.features)).toContain("shader-f16");
    expect(diagnosis.versions.webgpu).toMatch(/^\d+\.\d+\.\d+/);

    expect(Object.keys(diagnosis.variants)).toEqual(expect.arrayContaining(["convolution", "matmul", "rows"]));
    expect(diagnosis.tuned).toBeNull();
    expect(diagnosis.downloads).toEqual({ path: "/nowhere/graft/models", bytes: 0 });

    const text = renderDiagnosis(diagnosis);
    expect(text).toContain(diagnosis.adapter!.name);
    expect(text).toMatch(new RegExp(`Kernel variants\\n(.*\\n)*? {2}matmul +${diagnosis.variants.matmul}\\n`));
    expect(renderDiagnosis({ ...diagnosis, tuned: { matmul: "register" } })).toMatch(
      / {2}matmul .* --tuned: register\n/,
    );
    expect(text).toMatch(/Computation\n {2}right {2}a product of two 64 × 64 matrices/);
    expect(text).toContain("Downloaded models\n  none\n");
    expect(renderDiagnosis({ ...diagnosis, downloads: { path: "/cache/models", bytes: 3 << 20 } })).toContain(
      "Downloaded models\n  3.0 MiB  in /cache/models\n",
    );
    expect(text).toMatch(/graft works here\.$/);
  });

  it("says what to do when nothing is found", () => {
    const text = renderDiagnosis(broken);
    expect(text).toContain("  npm package webgpu  not installed");
    expect(text).toContain("What to do\n  - npm install webgpu");
    expect(text).toMatch(/graft does not work here: No WebGPU adapter/);
  });
});
