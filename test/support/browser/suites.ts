/** The suites that run in Chromium as they run in Node. */
export const BROWSER_SUITES = ["autograd", "finetune", "gpu", "io", "kernels", "models", "nn", "tensor", "vectors"];

/** What of them is Node's own, by its path below `test/`: a file, or a folder with a slash at its end. */
export const NODE_ONLY: Readonly<Record<string, string>> = {
  "io/node/": "files and folders on disk, and sharp",
  "gpu/adapter/node-adapter.test.ts": "Dawn, Vulkan drivers and child processes",
  "gpu/adapter/subgroup-matrices.test.ts": "matrix units, which Node's Dawn alone may switch on",
  "gpu/kernel/kernels.test.ts": "compiles every variant with Dawn's null backend",
};
