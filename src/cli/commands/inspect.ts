import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { formatBytes, formatCount } from "../../finetune/format.ts";
import { type Checkpoint, isFloatDtype, type ModelDirectory, openCheckpoint } from "../../io/index.ts";
import { NodeDirectory } from "../../io/node/index.ts";
import { urlDirectory } from "../../io/remote/index.ts";
import { defineCommand, UsageError } from "../arguments.ts";
import { isAddress } from "../data.ts";
import { DownloadLine } from "../download-line.ts";
import {
  HEADERS_ALONE,
  type ModelAccess,
  openModel,
  REMOTE_OPTIONS,
  type RemoteOptions,
  sourceOfModel,
} from "../model-directory.ts";
import { printable, table } from "../text.ts";

/** What `graft inspect --json` prints. */
export interface Inspection {
  path: string;
  files: readonly string[];
  architecture: string | null;
  /** Contents of config.json, when PATH is a model directory or an index in one. */
  config: Record<string, unknown> | null;
  metadata: Record<string, string>;
  tensors: { name: string; dtype: string; shape: readonly number[]; bytes: number }[];
  totals: {
    tensors: number;
    /** Elements of all tensors, and of those with a floating-point dtype. */
    elements: number;
    parameters: number;
    bytes: number;
    byDtype: Record<string, { tensors: number; elements: number; bytes: number }>;
  };
}

/** Sizes of an architecture, as the configs of the Hub call them. */
const CONFIG_KEYS = [
  "n_layer",
  "n_head",
  "n_embd",
  "n_positions",
  "num_hidden_layers",
  "num_attention_heads",
  "hidden_size",
  "max_position_embeddings",
  "vocab_size",
  "num_labels",
  "depths",
  "hidden_sizes",
  "blocks_per_stage",
  "widths",
];

export const inspect = defineCommand({
  name: "inspect",
  description:
    "Checks a safetensors file, an index of shards or a model directory strictly and lists its tensors with dtype, " +
    "shape and bytes, the number of parameters and, from config.json, the architecture. A file that breaks the " +
    "format is refused with the file, the tensor and the byte, and exit code 1. Of weights that come over the network " +
    "only the headers are read.",
  options: { ...REMOTE_OPTIONS, json: { type: "boolean", description: "print one JSON object" } },
  positionals: {
    path: {
      description:
        "a .safetensors file, a .safetensors.index.json or a directory with either; an address of one of them " +
        "(https://…); or a name on the Hub, such as openai-community/gpt2",
    },
  },
  async run({ options, positionals }, context) {
    const { env, stdout } = context;
    using interrupt = context.onInterrupt();
    using downloads = new DownloadLine(context, options);
    const { path } = positionals;
    const { kind } = await sourceOfModel({ ...options, model: path });
    const open = () => openRemote(path, options, { env, signal: interrupt.signal, downloads });
    const inspection = await inspectPath(path, kind === "path" ? undefined : open);
    stdout.write(`${options.json ? JSON.stringify(inspection) : renderInspection(inspection)}\n`);
    return 0;
  },
});

/**
 * Reads all headers; no tensor's data.
 * @throws SafetensorsError when a file or index breaks the format, UsageError when PATH is neither.
 */
export async function inspectPath(
  path: string,
  open: () => Promise<Opened> = () => openLocal(path),
): Promise<Inspection> {
  const { directory, file } = await open();
  const checkpoint = await openCheckpoint(directory, file);
  try {
    const isModel = file === undefined || file.endsWith(".index.json");
    const config = isModel ? await readConfig(directory) : null;
    return { path, ...describeCheckpoint(checkpoint), architecture: architectureOf(config), config };
  } finally {
    await checkpoint.close();
  }
}

/** What is inspected: a directory, and one file of it where PATH names one. */
interface Opened {
  readonly directory: ModelDirectory;
  readonly file?: string;
}

async function openLocal(path: string): Promise<Opened> {
  const status = await stat(path).catch(() => undefined);
  if (!status) throw new Error(`${path}: no such file or directory`);
  if (status.isDirectory()) return { directory: await NodeDirectory.open(path) };
  if (!isCheckpointFile(path)) {
    throw new UsageError(`${path} is neither a .safetensors file, an .index.json nor a directory`);
  }
  return { directory: await NodeDirectory.open(dirname(path)), file: basename(path) };
}

async function openRemote(path: string, options: RemoteOptions, access: ModelAccess): Promise<Opened> {
  if (!isAddress(path) || !isCheckpointFile(new URL(path).pathname)) {
    return { directory: await openModel({ ...options, model: path }, access, HEADERS_ALONE) };
  }
  const folder = new URL(path);
  const file = decodeURIComponent(basename(folder.pathname));
  folder.pathname = folder.pathname.replace(/[^/]*$/, "");
  return { directory: await urlDirectory(folder, { signal: access.signal }), file };
}

const isCheckpointFile = (path: string): boolean => /\.(safetensors|index\.json)$/.test(path);

function describeCheckpoint(checkpoint: Checkpoint): Pick<Inspection, "files" | "metadata" | "tensors" | "totals"> {
  const totals: Inspection["totals"] = { tensors: 0, elements: 0, parameters: 0, bytes: 0, byDtype: {} };
  const tensors = checkpoint.names().map((name) => {
    const { dtype, shape, size, begin, end } = checkpoint.info(name);
    const bytes = end - begin;
    totals.byDtype[dtype] ??= { tensors: 0, elements: 0, bytes: 0 };
    for (const sum of [totals, totals.byDtype[dtype]]) {
      sum.tensors++;
      sum.elements += size;
      sum.bytes += bytes;
    }
    if (isFloatDtype(dtype)) totals.parameters += size;
    return { name, dtype, shape, bytes };
  });
  return { files: checkpoint.files, metadata: Object.fromEntries(checkpoint.metadata), tensors, totals };
}

async function readConfig(directory: ModelDirectory): Promise<Record<string, unknown> | null> {
  if (!(await directory.has("config.json"))) return null;
  const file = join(directory.name, "config.json");
  let config: unknown;
  try {
    config = JSON.parse(await directory.readText("config.json"));
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`);
  }
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    throw new Error(`${file}: expected a JSON object`);
  }
  return config as Record<string, unknown>;
}

function architectureOf(config: Record<string, unknown> | null): string | null {
  const { architectures, model_type, architecture, arch } = config ?? {};
  const first: unknown = Array.isArray(architectures) ? architectures[0] : (model_type ?? architecture ?? arch);
  return typeof first === "string" ? first : null;
}

/** The inspection for people: a table, then what it comes to. */
export function renderInspection({ files, architecture, config, metadata, tensors, totals }: Inspection): string {
  const rows = tensors.map(({ name, dtype, shape, bytes }) => [
    printable(name),
    dtype,
    `[${shape.join(", ")}]`,
    formatCount(bytes),
    formatBytes(bytes),
  ]);
  const lines = table([["tensor", "dtype", "shape", "bytes", ""], ...rows], ["left", "left", "left", "right", "right"]);
  const facts: string[][] = [];
  if (architecture) facts.push(["architecture", printable(architecture)]);
  const sizes = CONFIG_KEYS.filter((key) => config?.[key] !== undefined).map(
    (key) => `${key} ${printable(JSON.stringify(config?.[key]))}`,
  );
  if (sizes.length > 0) facts.push(["config", sizes.join(", ")]);
  const dtypes = Object.entries(totals.byDtype).map(
    ([dtype, part]) => `${formatCount(part.tensors)} ${dtype} with ${formatBytes(part.bytes)}`,
  );
  const byDtype = dtypes.length > 1 ? `: ${dtypes.join(", ")}` : "";
  const others = totals.elements - totals.parameters;
  facts.push(
    ["files", files.map((file) => printable(file)).join(", ")],
    ["tensors", `${formatCount(totals.tensors)}${byDtype}`],
    [
      "parameters",
      `${formatCount(totals.parameters)}${others > 0 ? `, and ${formatCount(others)} other elements` : ""}`,
    ],
    ["data", `${formatBytes(totals.bytes)} (${formatCount(totals.bytes)} bytes)`],
    ...Object.entries(metadata).map(([key, value]) => [`metadata ${printable(key)}`, printable(value)]),
  );
  return [...lines, "", ...table(facts), "", "The format is right."].join("\n");
}
