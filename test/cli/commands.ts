import type { Command } from "../../src/cli/arguments.ts";
import { evaluateCommand } from "../../src/cli/commands/eval.ts";
import { finetune } from "../../src/cli/commands/finetune.ts";
import { generateCommand } from "../../src/cli/commands/generate.ts";
import { predict } from "../../src/cli/commands/predict.ts";
import type { CommandContext } from "../../src/cli/context.ts";
import { type CommandTable, run } from "../../src/cli/run.ts";
import { memoryContext } from "./support.ts";

const entry = (command: Command) => ({ summary: "", load: async () => command });
const COMMANDS: CommandTable = {
  finetune: entry(finetune),
  eval: entry(evaluateCommand),
  predict: entry(predict),
  generate: entry(generateCommand),
};

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command line in this process. `onOutput` sees what has been written and may interrupt, as Ctrl-C does. */
export async function graft(
  args: readonly string[],
  onOutput?: (text: string, interrupt: () => void) => void,
  isInterrupted = false,
  env: CommandContext["env"] = {},
): Promise<Outcome> {
  const controller = new AbortController();
  if (isInterrupted) controller.abort();
  let isOpen = false;
  const onInterrupt = () => {
    isOpen = true;
    return {
      signal: controller.signal,
      [Symbol.dispose]: () => {
        isOpen = false;
      },
    };
  };
  // Outside of the work that asked for it Ctrl-C ends the process, and saves nothing.
  const interrupt = (): void => {
    if (!isOpen) throw new Error("Ctrl-C at a moment when it would have ended the process");
    controller.abort();
  };
  const context = { ...memoryContext(), env, onInterrupt };
  const { stdout } = context;
  const write = stdout.write.bind(stdout);
  stdout.write = (text) => {
    write(text);
    onOutput?.(stdout.text, interrupt);
  };
  const code = await run(args, COMMANDS, context);
  return { code, stdout: stdout.text, stderr: context.stderr.text };
}

export const MODEL = "assets/gpt2-mini-en";
