import { inspect } from "node:util";
import { JobError, SettingError } from "../jobs/errors.ts";
import { asksForHelp, type Command, flag, parseArguments, UsageError, unknown } from "./arguments.ts";
import type { CommandContext } from "./context.ts";
import { commandHelp, overviewHelp } from "./help.ts";
import { printable } from "./text.ts";
import { graftVersion } from "./version.ts";

/** A command by its line in the overview; the command itself is loaded when it is needed. */
export interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** Commands by name, in the order of the overview. */
export type CommandTable = Readonly<Record<string, CommandEntry>>;

/** Lines of an error's message that are shown without `--verbose`. */
const MESSAGE_LINES = 2;

/**
 * Runs one command line, `args` being what follows `graft`.
 *
 * @returns the exit code: 0, 1 when the work failed, 2 for bad usage. Never throws.
 */
export async function run(args: readonly string[], commands: CommandTable, context: CommandContext): Promise<number> {
  const [first, ...rest] = args;
  const isHelp = first === undefined || first === "--help" || first === "-h" || first === "help";
  const name = first === "help" ? rest.find((word) => !word.startsWith("-")) : isHelp ? undefined : first;
  try {
    if (first === "--version") {
      context.stdout.write(`${graftVersion()}\n`);
      return 0;
    }
    if (name === undefined) {
      const rows = Object.entries(commands).map(([command, { summary }]) => [command, summary] as const);
      const help = overviewHelp(graftVersion(), rows, context.stdout.columns);
      context.stdout.write(help);
      return 0;
    }
    if (!Object.hasOwn(commands, name)) {
      const what = name.startsWith("-") ? "option" : "command";
      throw unknown(what, name, what === "option" ? ["--help", "--version"] : Object.keys(commands));
    }
    const command = await commands[name].load();
    if (first === "help" || asksForHelp(rest)) {
      context.stdout.write(commandHelp(command, context.stdout.columns));
      return 0;
    }
    return (await command.run(parseArguments(command, rest), context)) ?? 0;
  } catch (error) {
    return complain(error, name !== undefined && Object.hasOwn(commands, name) ? name : undefined, args, context);
  }
}

/** The errors of jobs, with the settings called by their options. */
function inWordsOfCommand(error: unknown): unknown {
  if (error instanceof SettingError) return new UsageError(error.messageWith(flag), { cause: error });
  if (error instanceof JobError) return new Error(error.messageWith(flag), { cause: error });
  return error;
}

/** Says on stderr what went wrong, in one or two lines, or with its stack and causes when asked to be verbose. */
function complain(
  cause: unknown,
  command: string | undefined,
  args: readonly string[],
  { stderr }: CommandContext,
): number {
  const prefix = command === undefined ? "graft" : `graft ${command}`;
  const error = inWordsOfCommand(cause);
  const message = error instanceof Error ? error.message || error.name : String(error);
  // What begins with the name of the function that a command is named after says it once.
  const own = command !== undefined && message.startsWith(`${command}: `) ? message.slice(command.length + 2) : message;
  const lines = own.split("\n").filter(Boolean);
  if (error instanceof Error && error.name === "AbortError") {
    stderr.write(`${prefix}: stopped on request\n`);
    return 1;
  }
  if (error instanceof UsageError) {
    const hint = `Try: ${prefix} --help`;
    stderr.write(`${prefix}: ${lines.map(printable).join(" ")}\n${hint}\n`);
    return 2;
  }
  if (args.includes("--verbose")) {
    stderr.write(`${prefix}: ${inspect(error)}\n`);
    return 1;
  }
  const shown = lines.slice(0, MESSAGE_LINES).map(printable);
  const more = lines.length > MESSAGE_LINES ? " (more with --verbose)" : "";
  stderr.write(`${prefix}: ${shown.join("\n")}${more}\n`);
  return 1;
}
