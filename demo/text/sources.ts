import { loadTextDataset, stratifiedSample } from "../../src/io/index.ts";
import type { DataSource, ModelSource } from "../../src/jobs/index.ts";

const at = (path: string): string => new URL(path, document.baseURI).href;

/** The model that comes with the page. */
export const bundledModel = (): ModelSource => ({
  kind: "url",
  url: at("assets/gpt2-mini-en/"),
  files: [
    "config.json",
    "generation_config.json",
    "merges.txt",
    "model.safetensors",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
  ],
});

/** How many of the bundled messages are taken; of the whole a run on a processor takes minutes. */
export const MESSAGE_COUNTS = [600, 1200, 2400, 5574] as const;
export const DEFAULT_MESSAGES = 1200;
const DRAW_SEED = 42;

let messages: Promise<string> | undefined;

/** The bundled messages, or as many of them, drawn with the shares of the classes. */
export async function bundledMessages(count: number): Promise<DataSource> {
  messages ??= fetchText(at("assets/sms-spam/sms.tsv"));
  messages.catch(() => {
    messages = undefined;
  });
  const text = await messages;
  const { examples } = loadTextDataset("sms.tsv", text);
  if (count >= examples.length) return { kind: "text", name: "sms.tsv", text };
  const drawn = stratifiedSample(examples, count, DRAW_SEED);
  const lines = drawn.map(({ label, text }) => `${label}\t${text}\n`).join("");
  return { kind: "text", name: `sms-${count}.tsv`, text: lines };
}

async function fetchText(url: string): Promise<string> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: the server answers ${response.status}`);
  return response.text();
}

/** A text with its label, as a person typed it. */
export interface TypedExample {
  readonly label: string;
  readonly text: string;
}

/** Typed examples as the file that `graft` reads. Rows without a text, or without a label that is asked for, are left out. */
export function typedData(examples: readonly TypedExample[], isLabelled = true): DataSource {
  const whole = examples.filter(({ label, text }) => text.trim() !== "" && (!isLabelled || label.trim() !== ""));
  const lines = whole.map(({ label, text }) => {
    const own = isLabelled ? { label: label.trim(), text: text.trim() } : { text: text.trim() };
    return `${JSON.stringify(own)}\n`;
  });
  return { kind: "text", name: "typed.jsonl", text: lines.join("") };
}

/** What is missing in typed examples before they can be trained on; null when nothing is. */
export function typedProblem(examples: readonly TypedExample[], isLabelled = true): string | null {
  if (!isLabelled) return examples.every(({ text }) => text.trim() === "") ? "Write some text to learn from." : null;
  const counts = new Map<string, number>();
  for (const { label, text } of examples) {
    if (label.trim() === "" || text.trim() === "") continue;
    counts.set(label.trim(), (counts.get(label.trim()) ?? 0) + 1);
  }
  if (counts.size < 2) return "Write texts of at least two labels.";
  const [few] = [...counts].find(([, count]) => count < 2) ?? [];
  return few === undefined ? null : `Write at least two texts of each label; ${few} has one.`;
}

const DATA_FILE = /\.(tsv|csv|jsonl|ndjson|txt)$/i;

/** A dropped file of texts. @throws when it is of another kind, empty, or not UTF-8. */
export async function fileData(file: File): Promise<DataSource> {
  if (!DATA_FILE.test(file.name)) {
    throw new Error(`${file.name} is not a file of texts; expected .tsv, .csv, .jsonl or .txt`);
  }
  if (file.size === 0) throw new Error(`${file.name} is empty`);
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
    return { kind: "text", name: file.name, text };
  } catch {
    throw new Error(`${file.name} is not valid UTF-8 text; save it as UTF-8 first`);
  }
}
