import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

interface KeptEngine {
  engine: string;
  status: string;
  milliseconds: number;
  lowerQuartile: number;
  upperQuartile: number;
  samples: number;
}
interface KeptRow {
  id: string;
  engines: KeptEngine[];
  bestPeerRatio?: number;
  levelWith?: string[];
}

const { keepRun } = (await import(`${"../../bench"}/kept-run.mjs`)) as {
  keepRun(file: string, script: string, run: object): void;
};
const { workloads } = (await import(`${"../../bench"}/peers/workloads.mjs`)) as { workloads: { id: string }[] };

const FOLDER = "bench/results";
const FILES = await readdir(FOLDER);
const read = async (name: string) => JSON.parse(await readFile(join(FOLDER, name), "utf8"));

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

describe("what is kept in bench/results", () => {
  it("is made by a command that the documentation tells", async () => {
    const documentation = await readFile("docs/bench.md", "utf8");
    expect(FILES.length).toBeGreaterThan(0);
    for (const name of FILES) expect(documentation, name).toContain(`bench/results/${name}`);
  });

  it.each(FILES.filter((name) => name.endsWith(".json")))(
    "%s tells when and on which adapter it was made",
    async (name) => {
      const { date, adapter } = await read(name);
      expect(Number.isNaN(Date.parse(date))).toBe(false);
      expect(adapter.name ?? adapter).toContain(name.includes("swiftshader") ? "SwiftShader" : "lavapipe");
    },
  );

  // Two samples once made a row of what a busy moment had done.
  it.each(FILES.filter((name) => name.startsWith("peers-")))(
    "%s has every row, and enough samples of each engine",
    async (name) => {
      const { rows, sampling } = (await read(name)) as { rows: KeptRow[]; sampling: { least: number } };
      expect(rows.map(({ id }) => id)).toEqual(workloads.map(({ id }) => id));
      for (const { id, engines, bestPeerRatio, levelWith } of rows) {
        for (const { engine, status, milliseconds, samples } of engines) {
          if (status === "right" && milliseconds < 4000) {
            expect(samples, `${id}, ${engine}`).toBeGreaterThanOrEqual(sampling.least);
          }
        }
        expect(bestPeerRatio, id).toBeGreaterThan(0);
        expect(levelWith, id).toBeInstanceOf(Array);
      }
    },
  );
});
