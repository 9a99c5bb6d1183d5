import { formatPercent } from "../../finetune/format.ts";
import { predictAndEvaluate } from "../../finetune/index.ts";
import { Gpu } from "../../gpu/index.ts";
import { fitImage } from "../../io/index.ts";
import type { NamedImage } from "../../io/node/index.ts";
import { TASKS } from "../../jobs/job.ts";
import {
  type ImageFolder,
  loadClassifier,
  loadFor,
  openTokenizer,
  requireImages,
  taskOf,
} from "../../jobs/model-folder.ts";
import { encodeImages, loadImages, preprocessingOf } from "../../jobs/tasks/image-data.ts";
import { encodeLabelled, maximumLength } from "../../jobs/tasks/text-data.ts";
import { argmax } from "../../models/index.ts";
import { defineCommand, UsageError } from "../arguments.ts";
import type { CommandContext } from "../context.ts";
import { DATA_OPTIONS, LENGTH_OPTION, readTexts } from "../data.ts";
import { DownloadLine } from "../download-line.ts";
import { readImagesWithoutClasses, refuseTextOptions } from "../images.ts";
import { MODEL_OPTIONS, openFolder } from "../model-directory.ts";
import { predictRaw } from "../raw-prediction.ts";
import { jsonLine } from "../render.ts";
import { printable } from "../text.ts";
import { TUNED_OPTION, tellAdapter } from "../tuned.ts";

/** Of an image model with more classes only the most probable are shown; --json has them all. */
const SHOWN_CLASSES = 10;

export const predict = defineCommand({
  name: "predict",
  description:
    "Tells the class of a text or of every text of a file, or of images, with probabilities. With --ids-file it works on token ids " +
    "instead: it reads input_ids and, when there, attention_mask, position_ids and token_type_ids, [batch, length] of " +
    "I64 or I32, and writes logits (and hidden_states.N with --hidden) as F32. Without position_ids, positions count " +
    "the unmasked tokens.",
  usage: "--model MODEL (--text T | --image FILE… | --data FILE | --ids-file IN.safetensors --logits OUT.safetensors)",
  options: {
    ...MODEL_OPTIONS,
    task: { type: "string", choices: TASKS, description: "by default what the model was made for" },
    text: { type: "string", placeholder: "T", description: "one text" },
    image: { type: "many", placeholder: "FILE…", description: "images or their addresses: PNG, JPEG or WebP" },
    data: {
      type: "string",
      placeholder: "FILE",
      description:
        "texts of a .tsv, .csv, .jsonl, or .txt (one a line); images of a folder, an idx file or .safetensors; or an " +
        "address of such a file",
    },
    ...DATA_OPTIONS,
    idsFile: {
      type: "string",
      placeholder: "FILE",
      description: "safetensors file with input_ids, or an address of one",
    },
    logits: { type: "string", placeholder: "FILE", description: "safetensors file to write" },
    hidden: { type: "boolean", description: "write hidden states too: the embeddings, each block, the final norm" },
    maxLength: LENGTH_OPTION,
    tuned: TUNED_OPTION,
    json: { type: "boolean", description: "print one JSON object a line" },
  },
  positionals: {},
  async run({ options, given }, context) {
    const sources = (["text", "image", "data", "idsFile"] as const).filter((name) => options[name] !== undefined);
    if (sources.length !== 1) throw new UsageError("expected one of --text, --image, --data and --ids-file");
    if ((sources[0] === "idsFile") !== (options.logits !== undefined)) {
      throw new UsageError("--ids-file and --logits go together");
    }
    if (options.hidden && sources[0] !== "idsFile") throw new UsageError("--hidden goes with --ids-file");
    using interrupt = context.onInterrupt();
    using downloads = new DownloadLine(context, options);
    const opened = await openFolder(options, { env: context.env, signal: interrupt.signal, downloads });
    const task = taskOf(opened, options.task);
    if (opened.kind === "images") {
      if (sources[0] !== "image" && sources[0] !== "data") {
        throw new UsageError(`${options.model} tells images apart: use --image or --data`);
      }
      refuseTextOptions(given);
      await predictImages(opened, options.image ?? [options.data!], options, interrupt.signal, context);
      return 0;
    }
    if (options.image !== undefined) requireImages(opened);
    const folder = opened;
    const { config } = folder;
    if (options.idsFile !== undefined) {
      using gpu = await Gpu.open();
      const model = await loadFor(folder, task, gpu);
      context.stderr.write(await tellAdapter(options, context.env, gpu));
      await predictRaw(model, options.idsFile, options.logits!, { hidden: options.hidden, signal: interrupt.signal });
      return 0;
    }
    if (task !== "classify") {
      throw new UsageError("a language model has no classes: use --ids-file for its logits, or graft generate");
    }
    const texts =
      options.text !== undefined ? [options.text] : await readTexts(options.data!, options, "lines", interrupt.signal);
    const tokenizer = await openTokenizer(folder);
    const maxLength = maximumLength(options.maxLength, config);
    const { labels } = config;
    const unlabelled = texts.map((text) => ({ text, label: labels[0] }));
    const examples = encodeLabelled(unlabelled, labels, { tokenizer, maxLength });
    using gpu = await Gpu.open();
    const model = await loadClassifier(folder, gpu);
    const about = await tellAdapter(options, context.env, gpu);
    if (!options.json) context.stderr.write(about);
    const padId = config.padTokenId ?? 0;
    const { probabilities } = await predictAndEvaluate(model, examples, { padId, labels, signal: interrupt.signal });
    print({ text: texts }, probabilities, labels, options.json, context);
    return 0;
  },
});

async function predictImages(
  folder: ImageFolder,
  places: readonly string[],
  { json, tuned }: { json: boolean; tuned: boolean },
  signal: AbortSignal,
  context: CommandContext,
): Promise<void> {
  const { labels } = folder.description;
  const preprocessing = preprocessingOf(folder);
  const images: NamedImage[] = [];
  for (const place of places) {
    for (const { name, image } of await readImagesWithoutClasses(place, signal)) {
      images.push({ name, image: fitImage(image, preprocessing) });
    }
  }
  const unlabelled = images.map((one) => ({ ...one, label: labels[0] }));
  using gpu = await Gpu.open();
  const model = await loadImages(folder, gpu);
  const about = await tellAdapter({ tuned }, context.env, gpu);
  if (!json) context.stderr.write(about);
  const { probabilities } = await predictAndEvaluate(model, encodeImages(unlabelled, labels, { preprocessing }), {
    labels,
    signal,
  });
  const names = images.map(({ name }) => name);
  print({ image: names }, probabilities, labels, json, context);
}

/** The names of classes, each once: those that several classes have get the class's number, as in `crane [134]`. */
export function distinctNames(labels: readonly string[]): string[] {
  const seen = new Set<string>();
  const repeated = new Set(labels.filter((label) => seen.has(label) || !seen.add(label)));
  return labels.map((label, k) => (repeated.has(label) ? `${label} [${k}]` : label));
}

/** `inputs` under what they are called: a text or an image. */
function print(
  inputs: { text: readonly string[] } | { image: readonly string[] },
  probabilities: readonly Float64Array[],
  classes: readonly string[],
  json: boolean,
  { stdout }: CommandContext,
): void {
  const [[kind, texts]] = Object.entries(inputs);
  const labels = distinctNames(classes);
  for (const [i, own] of probabilities.entries()) {
    const label = labels[argmax(own)];
    if (json) {
      stdout.write(
        jsonLine({ [kind]: texts[i], label, probabilities: Object.fromEntries(labels.map((one, k) => [one, own[k]])) }),
      );
    } else {
      const ranked = labels.map((_, k) => k).sort((a, b) => own[b] - own[a] || a - b);
      const isCut = kind === "image" && labels.length > SHOWN_CLASSES;
      const shown = isCut ? ranked.slice(0, SHOWN_CLASSES) : labels.map((_, k) => k);
      const others = shown.map((k) => `${printable(labels[k])} ${formatPercent(own[k])}`).join(", ");
      const text = texts.length > 1 ? `  ${printable(kind === "image" ? texts[i] : texts[i].slice(0, 80))}` : "";
      stdout.write(`${printable(label)}  (${others})${text}\n`);
    }
  }
}
