#!/usr/bin/env node
import type { CommandContext, Output } from "./context.ts";
import { Interrupts } from "./interrupt.ts";
import { type CommandTable, run } from "./run.ts";

const COMMANDS: CommandTable = {
  start: {
    summary: "the main job: fine-tune the bundled GPT-2 on the bundled SMS spam data",
    load: async () => (await import("./commands/start.ts")).start,
  },
  finetune: {
    summary: "fine-tune a model on labelled texts, on text, or on images by class",
    load: async () => (await import("./commands/finetune.ts")).finetune,
  },
  eval: {
    summary: "loss and perplexity, or accuracy, F1 and confusion matrix",
    load: async () => (await import("./commands/eval.ts")).evaluateCommand,
  },
  predict: {
    summary: "labels of texts or images with probabilities, or raw logits of token ids",
    load: async () => (await import("./commands/predict.ts")).predict,
  },
  generate: {
    summary: "continue a prompt",
    load: async () => (await import("./commands/generate.ts")).generateCommand,
  },
  doctor: {
    summary: "adapters, limits, features, versions, and what to do when something is missing",
    load: async () => (await import("./commands/doctor.ts")).doctor,
  },
  bench: {
    summary: "kernels from naive to best, ops, and training steps, measured on this adapter",
    load: async () => (await import("./commands/bench.ts")).benchCommand,
  },
  tune: {
    summary: "measure kernel variants, and keep a better table for this adapter",
    load: async () => (await import("./commands/tune.ts")).tuneCommand,
  },
  inspect: {
    summary: "tensors of a safetensors file, an index or a model directory",
    load: async () => (await import("./commands/inspect.ts")).inspect,
  },
};

const interrupts = new Interrupts(process);

// The reader of a pipe may go away, as `head` does. Then the work ends as with Ctrl-C; what writes on is not heard.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  if (!interrupts.abort()) process.exit(0);
});

const output = (stream: NodeJS.WriteStream): Output => ({
  write: (text) => {
    stream.write(text);
  },
  get isTTY() {
    return stream.isTTY ?? false;
  },
  get columns() {
    return stream.columns || 80; // 0 where a terminal does not know its width
  },
});

const context: CommandContext = {
  stdout: output(process.stdout),
  stderr: output(process.stderr),
  env: process.env,
  now: () => performance.now(),
  onInterrupt: () => interrupts.open(),
};

// Not process.exit(): what is written to a pipe may still be under way.
void run(process.argv.slice(2), COMMANDS, context).then((code) => {
  process.exitCode = code;
});
