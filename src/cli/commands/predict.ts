import { formatPercent } from "../../finetune/format.ts";
import { predictAndEvaluate } from "../../finetune/index.ts";
import { Gpu } from "../../gpu/index.ts";
import { argmax } from "../../models/index.ts";
import { defineCommand, UsageError } from "../arguments.ts";
import type { CommandContext } from "../context.ts";
import { DATA_OPTIONS, encodeLabelled, LENGTH_OPTION, maximumLength, readTexts } from "../data.ts";
import { loadClassifier, loadFor, openFolder, openTokenizer, TASKS, taskOf } from "../model-directory.ts";
import { predictRaw } from "../raw-prediction.ts";
import { jsonLine } from "../render.ts";
import { printable } from "../text.ts";

export const predict = defineCommand({
  name: "predict",
  description:
    "Tells the class of a text or of every text of a file, with probabilities. With --ids-file it works on token ids " +
    "instead: it reads input_ids and, when there, attention_mask, position_ids and token_type_ids, [batch, length] of " +
    "I64 or I32, and writes logits (and hidden_states.N with --hidden) as F32. Without position_ids, positions count " +
    "the unmasked tokens.",
  usage: "--model DIR (--text T | --data FILE | --ids-file IN.safetensors --logits OUT.safetensors)",
  options: {
    model: { type: "string", required: true, placeholder: "DIR", description: "model directory in Hub layout" },
    task: { type: "string", choices: TASKS, description: "by default what the model was made for" },
    text: { type: "string", placeholder: "T", description: "one text" },
    data: { type: "string", placeholder: "FILE", description: "texts of a .tsv, .csv, .jsonl, or .txt (one a line)" },
    ...DATA_OPTIONS,
    idsFile: { type: "string", placeholder: "FILE", description: "safetensors file with input_ids" },
    logits: { type: "string", placeholder: "FILE", description: "safetensors file to write" },
    hidden: { type: "boolean", description: "write hidden states too: the embeddings, each block, the final norm" },
    maxLength: LENGTH_OPTION,
    json: { type: "boolean", description: "print one JSON object a line" },
  },
  positionals: {},
  async run({ options }, context) {
    const sources = (["text", "data", "idsFile"] as const).filter((name) => options[name] !== undefined);
    if (sources.length !== 1) throw new UsageError("expected one of --text, --data and --ids-file");
    if ((sources[0] === "idsFile") !== (options.logits !== undefined)) {
      throw new UsageError("--ids-file and --logits go together");
    }
    if (options.hidden && sources[0] !== "idsFile") throw new UsageError("--hidden goes with --ids-file");
    using interrupt = context.onInterrupt();
    const folder = await openFolder(options.model);
    const { config } = folder;
    const task = taskOf(folder, options.task);
    if (options.idsFile !== undefined) {
      using gpu = await Gpu.open();
      const model = await loadFor(folder, task, gpu);
      context.stderr.write(`Adapter: ${gpu.adapter.name}\n`);
      await predictRaw(model, options.idsFile, options.logits!, { hidden: options.hidden, signal: interrupt.signal });
      return 0;
    }
    if (task !== "classify") {
      throw new UsageError("a language model has no classes: use --ids-file for its logits, or graft generate");
    }
    const texts = options.text !== undefined ? [options.text] : await readTexts(options.data!, options, "lines");
    const tokenizer = await openTokenizer(folder);
    const maxLength = maximumLength(options.maxLength, config);
    const { labels } = config;
    const unlabelled = texts.map((text) => ({ text, label: labels[0] }));
    const examples = encodeLabelled(unlabelled, labels, { tokenizer, maxLength });
    using gpu = await Gpu.open();
    const model = await loadClassifier(folder, gpu);
    if (!options.json) context.stderr.write(`Adapter: ${gpu.adapter.name}\n`);
    const padId = config.padTokenId ?? 0;
    const { probabilities } = await predictAndEvaluate(model, examples, { padId, labels, signal: interrupt.signal });
    print(texts, probabilities, labels, options.json, context);
    return 0;
  },
});

function print(
  texts: readonly string[],
  probabilities: readonly Float64Array[],
  labels: readonly string[],
  json: boolean,
  { stdout }: CommandContext,
): void {
  for (const [i, own] of probabilities.entries()) {
    const label = labels[argmax(own)];
    if (json) {
      stdout.write(
        jsonLine({ text: texts[i], label, probabilities: Object.fromEntries(labels.map((one, k) => [one, own[k]])) }),
      );
    } else {
      const others = labels.map((one, k) => `${printable(one)} ${formatPercent(own[k])}`).join(", ");
      const text = texts.length > 1 ? `  ${printable(texts[i].slice(0, 80))}` : "";
      stdout.write(`${printable(label)}  (${others})${text}\n`);
    }
  }
}
