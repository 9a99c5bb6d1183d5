import { afterAll, describe, expect, it } from "vitest";
import type { Gpu } from "../../../src/gpu/index.ts";
import { loadSuite, type SuiteName } from "./cases.ts";
import type { Adapter } from "./node.ts";
import { Report } from "./report.ts";
import { runCase } from "./run.ts";

/** Declares the tests of a suite, an operator each: a case passes, does not apply for a stated reason, or fails. */
export async function testSuite(suite: SuiteName, adapter: Adapter, gpu: () => Gpu): Promise<void> {
  const report = new Report(suite);
  const cases = await loadSuite(suite);
  const operators = [...new Set(cases.map(({ op }) => op))];

  describe(suite, () => {
    it.each(operators)("%s", async (op) => {
      const before = gpu().statistics.liveBuffers;
      const failures: string[] = [];
      for (const test of cases.filter((other) => other.op === op)) {
        const verdict = await runCase(gpu(), adapter, test);
        report.add(op, verdict);
        if (verdict.status === "failed") failures.push(`${test.id} (${test.name}): ${verdict.reason}`);
      }
      expect(failures).toEqual([]);
      expect(gpu().statistics.liveBuffers - before, "buffers left over").toBe(0);
    });
  });

  afterAll(() => console.log(report.toString()));
}
