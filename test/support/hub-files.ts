/** The commit of the model that {@link hubFiles} has. */
export const COMMIT = "607a30d783dfa663caf39e06633721c8d4cfcd7e";

/** What the Hugging Face Hub answers about `openai-community/gpt2`, by path: its API, and two files. */
export const hubFiles = (weights: Uint8Array): Record<string, Uint8Array | string> => ({
  ...Object.fromEntries(
    ["main", COMMIT].map((revision) => [
      `api/models/openai-community/gpt2/revision/${revision}`,
      JSON.stringify({ _id: "1", id: "openai-community/gpt2", sha: COMMIT }),
    ]),
  ),
  [`api/models/openai-community/gpt2/tree/${COMMIT}`]: JSON.stringify([
    { type: "directory", path: "onnx", size: 0, oid: "a" },
    {
      type: "file",
      path: "model.safetensors",
      size: weights.length,
      oid: "b",
      lfs: { oid: "c", size: weights.length },
    },
    { type: "file", path: "config.json", size: 24, oid: "d" },
  ]),
  [`openai-community/gpt2/resolve/${COMMIT}/config.json`]: '{"model_type": "gpt2"}',
  [`openai-community/gpt2/resolve/${COMMIT}/model.safetensors`]: weights,
});
