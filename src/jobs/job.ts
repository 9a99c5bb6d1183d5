import type { Task } from "../finetune/index.ts";
import type { Image } from "../io/index.ts";
import { describeKind } from "../tensor/require-kind.ts";
import { SettingError } from "./errors.ts";
import type { JobSettings } from "./settings.ts";

export const TASKS = ["classify", "lm", "image-classify"] as const satisfies readonly Task[];

/**
 * Where a model in Hub layout comes from. Paths are for Node; a browser has URLs, files that a person picked or dropped,
 * its own private file system, and the Hub.
 */
export type ModelSource =
  | { readonly kind: "path"; readonly path: string }
  /** A folder at an address. With its `files` named, none is asked for that is not there (a browser tells of each). */
  | { readonly kind: "url"; readonly url: string; readonly files?: readonly string[] }
  | { readonly kind: "files"; readonly name: string; readonly files: Readonly<Record<string, Blob>> }
  | { readonly kind: "opfs"; readonly path: string; readonly name?: string }
  | { readonly kind: "hub"; readonly id: string; readonly revision?: string };

const MODEL_KINDS = ["path", "url", "files", "opfs", "hub"] as const satisfies readonly ModelSource["kind"][];

/** An image with its class: as a file that has to be decoded (PNG, JPEG, WebP), or as pixels. */
export interface LabelledImage {
  readonly label: string;
  readonly image: Blob | Image;
  /** What errors call it; by default its place. */
  readonly name?: string;
}

/** Where examples come from. */
export type DataSource =
  | { readonly kind: "path"; readonly path: string }
  /** The contents of a .tsv, .csv, .jsonl or .txt file; the name's extension says which. */
  | { readonly kind: "text"; readonly name: string; readonly text: string }
  /** A text file, or a .safetensors file of images, at an address. */
  | { readonly kind: "url"; readonly url: string }
  /** A .safetensors file of images and labels. */
  | { readonly kind: "pack"; readonly name: string; readonly file: Blob }
  | { readonly kind: "images"; readonly name: string; readonly images: readonly LabelledImage[] };

const DATA_KINDS = ["path", "text", "url", "pack", "images"] as const satisfies readonly DataSource["kind"][];

/**
 * A fine-tuning run as an order: everything that decides its bits, and nothing that lives. It is plain data that can be
 * sent to a worker, kept, and written as a line of `graft finetune`, whose options its settings are.
 */
export interface FineTuneJob {
  readonly task: Task;
  readonly model: ModelSource;
  readonly data: DataSource;
  /** Examples for validation; without them a share of the data is kept for it. */
  readonly valid?: DataSource;
  readonly settings?: JobSettings;
}

/** What a source of each kind has to have, and as what. */
const PARTS: Readonly<Record<string, Readonly<Record<string, "string" | "object">>>> = {
  path: { path: "string" },
  url: { url: "string" },
  files: { name: "string", files: "object" },
  opfs: { path: "string" },
  hub: { id: "string" },
  text: { name: "string", text: "string" },
  pack: { name: "string", file: "object" },
  images: { name: "string", images: "object" },
};

/** @throws SettingError where it is no source of a model or of data, or lacks what one of its kind has. */
export function checkSource(name: "model" | "data" | "valid", source: unknown): void {
  const kinds: readonly string[] = name === "model" ? MODEL_KINDS : DATA_KINDS;
  const found = source as Readonly<Record<string, unknown>> | null | undefined;
  const kind = found?.kind;
  if (typeof kind !== "string" || !kinds.includes(kind)) {
    const isObject = typeof source === "object" && source !== null && !Array.isArray(source);
    const given = isObject
      ? `the kind ${JSON.stringify(kind)}`
      : source === undefined
        ? "nothing"
        : describeKind(source);
    throw new SettingError((n) => `${n(name)}: expected a source of the kind ${kinds.join(", ")}, got ${given}`);
  }
  for (const [part, type] of Object.entries(PARTS[kind])) {
    const value = found?.[part];
    if (typeof value === type && value !== null) continue;
    const what = type === "string" ? "a text" : "an object";
    throw new SettingError(
      (n) => `${n(name)}: a source of the kind ${kind} needs ${part} as ${what}, got ${describeKind(value)}`,
    );
  }
}

/** The last part of a path or an address. */
function lastPart(path: string): string {
  const parts = path.split(/[\\/]/).filter((part) => part !== "" && part !== ".");
  return parts.at(-1) ?? path;
}

/** An address without what follows its path, and without its escapes. */
function pathOfUrl(url: string): string {
  const path = url.replace(/[?#].*$/, "").replace(/^[a-z][a-z\d+.-]*:\/\/[^/]*/i, "");
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** What people call a model: its directory's name, or its id on the Hub. */
export function modelName(source: ModelSource): string {
  checkSource("model", source);
  switch (source.kind) {
    case "path":
      return lastPart(source.path);
    case "url":
      return lastPart(pathOfUrl(source.url)) || source.url;
    case "files":
      return source.name;
    case "opfs":
      return source.name ?? lastPart(source.path);
    case "hub":
      return source.id;
  }
}

/** What people call the data: its file's name. */
export function dataName(source: DataSource): string {
  checkSource("data", source);
  switch (source.kind) {
    case "path":
      return lastPart(source.path);
    case "url":
      return lastPart(pathOfUrl(source.url)) || source.url;
    default:
      return source.name;
  }
}

/** What errors call the data: with its place, where it has one. */
export const dataPlace = (source: DataSource): string => (source.kind === "path" ? source.path : dataName(source));
