import { createHash } from "node:crypto";

/** The commit of the models of {@link hubModel}, if no other is named. */
export const COMMIT = "607a30d783dfa663caf39e06633721c8d4cfcd7e";

type Contents = Uint8Array | string;

export interface HubModelOptions {
  readonly commit?: string;
  /** Branches and tags that name the commit. */
  readonly revisions?: readonly string[];
  /** Whether the listing names the files' contents, as the Hub's does. Default true. */
  readonly hasHashes?: boolean;
}

const hashed = (algorithm: string, ...parts: Contents[]): string => {
  const hash = createHash(algorithm);
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
};

/** What the Hugging Face Hub answers about a model, by path: its API, and its files. */
export function hubModel(
  id: string,
  files: Readonly<Record<string, Contents>>,
  { commit = COMMIT, revisions = ["main"], hasHashes = true }: HubModelOptions = {},
): Record<string, Contents> {
  const about = JSON.stringify({ _id: "1", id, sha: commit });
  const tree = Object.entries(files).map(([path, contents]) => {
    const size = Buffer.byteLength(contents);
    const file = { type: "file", path, size, oid: hasHashes ? hashed("sha1", `blob ${size}\0`, contents) : "b" };
    if (!path.endsWith(".safetensors")) return file;
    // What git has of a large file is a note with its SHA-256.
    const oid = hasHashes ? hashed("sha256", contents) : "c";
    return { ...file, oid: hashed("sha1", oid), lfs: { oid, size, pointerSize: 130 } };
  });
  return {
    ...Object.fromEntries([...revisions, commit].map((name) => [`api/models/${id}/revision/${name}`, about])),
    [`api/models/${id}/tree/${commit}`]: JSON.stringify([
      { type: "directory", path: "onnx", size: 0, oid: "a" },
      ...tree,
    ]),
    ...Object.fromEntries(
      Object.entries(files).map(([path, contents]) => [`${id}/resolve/${commit}/${path}`, contents]),
    ),
  };
}

/** `openai-community/gpt2` with two files. */
export const hubFiles = (weights: Uint8Array): Record<string, Contents> =>
  hubModel("openai-community/gpt2", { "model.safetensors": weights, "config.json": '{"model_type": "gpt2"}' });
