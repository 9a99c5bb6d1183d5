import { Gpu } from "../../gpu/index.ts";
import { promptIds, writeOn } from "../../jobs/generation.ts";
import { loadLanguageModel, openTokenizer, requireTexts, taskOf } from "../../jobs/model-folder.ts";
import { defineCommand } from "../arguments.ts";
import type { Output } from "../context.ts";
import { DownloadLine } from "../download-line.ts";
import { MODEL_OPTIONS, openFolder } from "../model-directory.ts";
import { TUNED_OPTION, tellAdapter } from "../tuned.ts";

export const generateCommand = defineCommand({
  name: "generate",
  description:
    "Writes on from a prompt with a language model. The prompt and what follows are printed as they come, and nothing " +
    "else on standard output. It ends at --max-new-tokens, at the model's end-of-text token, where its positions end, " +
    "or with Ctrl-C. Keys and values of earlier tokens are kept, so each step costs one token.\n\n" +
    "Tokens are drawn with the probabilities of the logits divided by --temperature, of the --top-k most probable " +
    "tokens, then of the fewest that together reach --top-p. One seed gives the same text every time.",
  options: {
    ...MODEL_OPTIONS,
    prompt: { type: "string", required: true, description: 'what to write on from; "" begins a text of its own' },
    maxNewTokens: { type: "integer", default: 100, min: 1, description: "tokens to write" },
    temperature: {
      type: "number",
      default: 1,
      min: 0,
      exclusive: true,
      description: "below 1 the probable becomes more probable",
    },
    topK: { type: "integer", min: 1, placeholder: "K", description: "draw from the K most probable tokens" },
    topP: {
      type: "number",
      min: 0,
      max: 1,
      placeholder: "P",
      description: "draw from the fewest tokens that together have probability P",
    },
    seed: { type: "integer", default: 42, min: 0, description: "seed of the draws" },
    greedy: { type: "boolean", description: "take the most probable token each time, whatever the options above say" },
    tuned: TUNED_OPTION,
  },
  positionals: {},
  async run({ options }, context) {
    const { stdout, stderr, env } = context;
    using interrupt = context.onInterrupt();
    const { signal } = interrupt;
    using downloads = new DownloadLine(context);
    const opened = await openFolder(options, { env, signal, downloads });
    taskOf(opened, "lm");
    const folder = requireTexts(opened);
    const { config, directory } = folder;
    const tokenizer = await openTokenizer(folder);
    const prompt = promptIds(tokenizer, options.prompt, config, directory.name);
    using gpu = await Gpu.open();
    const model = await loadLanguageModel(folder, gpu);
    stderr.write(await tellAdapter(options, env, gpu));
    const show = screen(stdout);
    show(options.prompt);
    const { maxNewTokens: maximumNewTokens, temperature, topK, topP, seed, greedy } = options;
    const sampling = { temperature, topK, topP: topP === 0 ? undefined : topP };
    const how = { maximumNewTokens, ...sampling, seed, greedy, signal };
    let count = 0;
    let isEnded = false;
    try {
      for await (const written of writeOn(model, tokenizer, prompt, how)) {
        ({ tokens: count, isEnded } = written);
        show(written.text);
      }
    } finally {
      show("\n");
    }
    if (!signal.aborted && !isEnded && count < maximumNewTokens) {
      stderr.write(`Stopped after ${count} tokens: the model has ${config.positions} positions.\n`);
    }
    model.dispose();
    return 0;
  },
});

/** Writes text as it is to a pipe, and to a terminal without anything that would steer it. */
function screen(output: Output): (text: string) => void {
  return (text) => {
    if (text === "") return;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is to be kept from the terminal
    output.write(output.isTTY ? text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "\u{FFFD}") : text);
  };
}
