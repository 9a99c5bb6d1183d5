import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";

const { keepRun } = (await import(`${"../../bench"}/kept-run.mjs`)) as {
  keepRun(file: string, script: string, run: object): void;
};

it("a run is kept with what was typed for it, when, and by what on which machine", async () => {
  const folder = await mkdtemp(join(tmpdir(), "graft-kept-run-"));
  try {
    const file = join(folder, "a", "run.json");
    keepRun(file, "bench:some", { adapter: "an adapter", versions: { other: "1.2.3" }, rows: [1] });
    const kept = JSON.parse(await readFile(file, "utf8"));
    expect(kept).toMatchObject({
      command: ["npm run bench:some --", ...process.argv.slice(2)].join(" "),
      adapter: "an adapter",
      processor: expect.stringMatching(/^\d+ × /),
      versions: { graft: expect.stringMatching(/^\d+\.\d+\.\d+/), node: process.versions.node, other: "1.2.3" },
      rows: [1],
    });
    expect(Math.abs(Date.now() - Date.parse(kept.date))).toBeLessThan(3_600_000);
  } finally {
    await rm(folder, { recursive: true });
  }
});
