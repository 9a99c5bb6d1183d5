/** How a page and a report let a model write on: drawn, and with one seed, so that it is the same each time. */
export const SHOWN_WRITING = { maximumNewTokens: 40, temperature: 0.8, topK: 40, seed: 1 } as const;
