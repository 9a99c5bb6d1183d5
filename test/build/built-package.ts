import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const { buildLibrary } = (await import(`${resolve(import.meta.dirname, "../../scripts/build")}/library.mjs`)) as {
  buildLibrary(outdir: string, options?: { sourcemap?: boolean }): Promise<unknown>;
};

/** What is published, built into the `dist` of a folder of its own; `remove()` takes it away. */
export async function builtPackage(): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "graft-dist-"));
  await buildLibrary(join(folder, "dist"), { sourcemap: false });
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}
