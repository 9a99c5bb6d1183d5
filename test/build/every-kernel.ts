import { readdir } from "node:fs/promises";
import { resolve } from "node:path";

/** Every file that defines kernels: what it defines is registered when it is imported. */
const folder = resolve(import.meta.dirname, "../../src/kernels");
for (const name of await readdir(folder, { recursive: true })) {
  if (name.endsWith(".ts")) await import(resolve(folder, name));
}
