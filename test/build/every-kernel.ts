import { readdir } from "node:fs/promises";
import { resolve } from "node:path";
import { Kernel, sharedTexts } from "../../src/gpu/index.ts";

/** Every file that defines kernels: what it defines is registered when it is imported. */
const folder = resolve(import.meta.dirname, "../../src/kernels");
for (const name of await readdir(folder, { recursive: true })) {
  if (name.endsWith(".ts")) await import(resolve(folder, name));
}

/** A kernel whose texts, with those that all kernels share, are put in other words. */
export function reworded({ definition }: Kernel, wordsOf: (text: string) => string): Kernel {
  const { source, parts = [] } = definition;
  return new Kernel({
    ...definition,
    source: wordsOf(source),
    parts: parts.map(wordsOf),
    library: Object.fromEntries([...sharedTexts()].map(([name, text]) => [name, wordsOf(text)])),
  });
}
