import type { ByteSource } from "../byte-source.ts";
import { type ModelDirectory, requireDirectory } from "../directory.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { DecodedArray } from "./dtype.ts";
import { quoted, SafetensorsError } from "./error.ts";
import { MAXIMUM_HEADER_BYTES, type TensorInfo } from "./header.ts";
import { JsonScanner, type Refuse } from "./json-scanner.ts";
import { SafetensorsFile } from "./reader.ts";

/** File of a checkpoint that is not sharded, as the Hub names it. */
export const SINGLE_FILE = "model.safetensors";
/** Index of a sharded checkpoint, as the Hub names it. */
export const INDEX_FILE = "model.safetensors.index.json";

const INDEX_SUFFIX = ".index.json";

/** Letters, digits and a few marks: no separators, drive letters, URLs or escapes, which lead elsewhere. */
const PLAIN_SHARD_NAME = /^[\p{L}\p{N}_][\p{L}\p{N}_.+=@ -]*\.safetensors$/u;

/**
 * Opens the checkpoint of a directory: `model.safetensors`, else the shards of `model.safetensors.index.json`.
 * @param file another safetensors file or index of the directory.
 * @throws SafetensorsError when there is neither, or a file is malformed, or index and shards disagree.
 */
export async function openCheckpoint(directory: ModelDirectory, file?: string): Promise<Checkpoint> {
  requireDirectory("openCheckpoint", directory);
  const chosen = file ?? (await findCheckpoint(directory));
  return chosen.endsWith(INDEX_SUFFIX)
    ? ShardedCheckpoint.open(directory, chosen)
    : SafetensorsFile.open(await directory.open(chosen));
}

async function findCheckpoint(directory: ModelDirectory): Promise<string> {
  if (await directory.has(SINGLE_FILE)) return SINGLE_FILE;
  if (await directory.has(INDEX_FILE)) return INDEX_FILE;
  const others = (await directory.list()).filter((name) => /\.(safetensors|bin|pt|pth|h5|msgpack)$/.test(name));
  const found = others.length > 0 ? `; found ${others.map(quoted).join(", ")}` : "";
  throw new SafetensorsError(directory.name, `neither ${SINGLE_FILE} nor ${INDEX_FILE} in the directory${found}`);
}

/** A checkpoint in several safetensors files, joined by an index of tensor names. */
export class ShardedCheckpoint implements Checkpoint {
  readonly files: readonly string[];
  readonly metadata: ReadonlyMap<string, string>;

  /**
   * Reads the index and the header of every shard.
   * @throws SafetensorsError when the index is malformed or names a file outside the directory, a shard is missing
   * or malformed, or a tensor is missing, in two shards, or in a shard but not in the index.
   */
  static async open(directory: ModelDirectory, indexFile = INDEX_FILE): Promise<ShardedCheckpoint> {
    requireDirectory("ShardedCheckpoint.open", directory);
    const shardOf = await readIndex(await directory.open(indexFile));
    const shards = new Map<string, SafetensorsFile>();
    try {
      for (const name of new Set(shardOf.values())) {
        if (!(await directory.has(name))) {
          throw new SafetensorsError(indexFile, `the shard ${quoted(name)} is not in ${directory.name}`);
        }
        shards.set(name, await SafetensorsFile.open(await directory.open(name)));
      }
      const holders = matchShards(indexFile, shardOf, shards);
      return new ShardedCheckpoint(shards, holders);
    } catch (error) {
      await Promise.all([...shards.values()].map((shard) => shard.close()));
      throw error;
    }
  }

  private constructor(
    private readonly shards: ReadonlyMap<string, SafetensorsFile>,
    private readonly holders: ReadonlyMap<string, SafetensorsFile>,
  ) {
    this.files = [...shards.values()].map((shard) => shard.name);
    const metadata = new Map<string, string>();
    for (const shard of shards.values()) {
      for (const [key, value] of shard.metadata) if (!metadata.has(key)) metadata.set(key, value);
    }
    this.metadata = metadata;
  }

  names(): string[] {
    return [...this.holders.keys()];
  }

  has(name: string): boolean {
    return this.holders.has(name);
  }

  info(name: string): TensorInfo {
    return this.#holder(name).info(name);
  }

  async readBytes(name: string, start?: number, end?: number): Promise<Uint8Array> {
    return this.#holder(name).readBytes(name, start, end);
  }

  async readFloat32(name: string, start?: number, end?: number): Promise<Float32Array> {
    return this.#holder(name).readFloat32(name, start, end);
  }

  async readArray(name: string): Promise<DecodedArray> {
    return this.#holder(name).readArray(name);
  }

  async close(): Promise<void> {
    await Promise.all([...this.shards.values()].map((shard) => shard.close()));
  }

  #holder(name: string): SafetensorsFile {
    const shard = this.holders.get(name);
    if (!shard) throw new SafetensorsError(this.files.join(", "), "no such tensor in the shards", { tensor: name });
    return shard;
  }
}

/** Tensor name -> shard that holds it, once index and shards say the same. */
function matchShards(
  indexFile: string,
  shardOf: ReadonlyMap<string, string>,
  shards: ReadonlyMap<string, SafetensorsFile>,
): Map<string, SafetensorsFile> {
  const holders = new Map<string, SafetensorsFile>();
  for (const shard of shards.values()) {
    for (const name of shard.names()) {
      const other = holders.get(name);
      if (other) throw new SafetensorsError(shard.name, `the tensor is also in ${other.name}`, { tensor: name });
      holders.set(name, shard);
    }
  }
  for (const [name, file] of shardOf) {
    const holder = holders.get(name);
    const expected = shards.get(file);
    if (holder === expected) continue;
    const problem = `the index places it in ${quoted(file)}, which does not have it`;
    throw new SafetensorsError(indexFile, problem + (holder ? ` (${holder.name} has)` : ""), { tensor: name });
  }
  for (const [name, holder] of holders) {
    if (!shardOf.has(name)) {
      throw new SafetensorsError(holder.name, `the tensor is not in the index ${indexFile}`, { tensor: name });
    }
  }
  return holders;
}

/** Reads and closes an index; gives its weight map, tensor name -> file name. */
async function readIndex(source: ByteSource): Promise<Map<string, string>> {
  const refuse: Refuse = (byte, problem) => {
    throw new SafetensorsError(source.name, problem, { byte });
  };
  try {
    if (source.size > MAXIMUM_HEADER_BYTES) refuse(0, `the index is larger than ${MAXIMUM_HEADER_BYTES} bytes`);
    const scanner = new JsonScanner(await source.read(0, source.size), 0, refuse);
    let weightMap: Map<string, string> | undefined;
    scanner.object("the index", (key) => {
      if (key === "weight_map") weightMap = readWeightMap(scanner, source.name);
      else scanner.skip();
    });
    scanner.end();
    return weightMap ?? refuse(0, "the index has no weight_map");
  } finally {
    await source.close();
  }
}

function readWeightMap(scanner: JsonScanner, indexFile: string): Map<string, string> {
  const weightMap = new Map<string, string>();
  scanner.object("weight_map", (tensor) => {
    const byte = scanner.next();
    const shard = scanner.string("a file name");
    if (!PLAIN_SHARD_NAME.test(shard)) {
      const problem = `${quoted(shard)} is not the plain name of a .safetensors file in the directory`;
      throw new SafetensorsError(indexFile, problem, { tensor, byte });
    }
    weightMap.set(tensor, shard);
  });
  return weightMap;
}
