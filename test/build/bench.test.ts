import { resolve } from "node:path";
import { expect, it } from "vitest";

interface Measured {
  compressed: number;
  text: string;
  modules: Map<string, number>;
}
const { measurePrograms } = (await import(`${resolve(import.meta.dirname, "../../scripts/build")}/sizes.mjs`)) as {
  measurePrograms(programs: { name: string; source: string }[]): Promise<Measured[]>;
};

/** What the demo's page of kernels takes of the package. */
const LADDERS = `export {
    drawLadder, drawRoofline, FAMILIES, makeReport, renderBenchPage, runBench, timingDefaults,
  } from "graft-gpu/bench";
  export { Gpu } from "graft-gpu";`;

it("the ladders of the bench bring no model, no reader of files and nothing of Node's to a page", async () => {
  const [{ compressed, text, modules }] = await measurePrograms([{ name: "ladders", source: LADDERS }]);
  const names = [...modules.keys()];
  expect(names).toEqual(expect.arrayContaining(["src/bench/run.ts", "src/bench/families/matmul.ts"]));
  const isOther = (name: string): boolean =>
    /^src\/(?:models|nn|session|jobs|cli|io\/node|io\/images)\//.test(name) ||
    /^src\/bench\/(?:steps\/language|tune)/.test(name);
  expect(names.filter(isOther)).toEqual([]);
  expect(text).not.toMatch(/from ?"(?!\.)|safetensors file|GPT2/);
  expect(compressed / 1000).toBeLessThan(106);
});
