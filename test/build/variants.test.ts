import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { afterAll, expect, inject, it } from "vitest";
import { openDevice } from "../../src/gpu/adapter/open.ts";
import * as sources from "../../src/index.ts";

type Engine = Pick<typeof sources, "Gpu" | "effectiveVariants" | "variantHash">;
const { singleFileOptions } = (await import(`${resolve(import.meta.dirname, "../../scripts/build")}/library.mjs`)) as {
  singleFileOptions(contents: string, outfile: string): Parameters<typeof build>[0];
};

const folder = await mkdtemp(join(tmpdir(), "graft-variants-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

it("a program with products alone goes by the same table and hash as one with every kernel", async () => {
  const file = join(folder, "program.mjs");
  const source = 'export { Gpu, effectiveVariants, matmul, variantHash } from "./src/index.ts";';
  await build(singleFileOptions(source, file));
  expect(await readFile(file, "utf8")).not.toContain("octets");
  const program = (await import(/* @vite-ignore */ file)) as Engine;
  const { device, info } = await openDevice(inject("device") ?? {});
  const whole = new sources.Gpu(device, info);
  const part = new program.Gpu(device, info);
  expect(program.effectiveVariants(part)).toEqual(sources.effectiveVariants(whole));
  expect(program.variantHash(part)).toBe(sources.variantHash(whole));
  for (const gpu of [whole, part]) gpu.variants = { convolution: "register", matmul: "register" };
  expect(program.variantHash(part)).toBe(sources.variantHash(whole));
  expect(() => {
    part.variants = { convolutions: "register" };
  }).toThrow(/^variants: there is no family "convolutions"; there are attention, convolution, .*rows$/);
  for (const gpu of [part, whole]) gpu.close();
});
