// A session's worker in a browser without WebGPU.
Object.defineProperty(navigator, "gpu", { value: undefined });

export {};
