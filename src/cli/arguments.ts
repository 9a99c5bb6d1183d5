import { parseArgs } from "node:util";
import { flagOf } from "../jobs/command.ts";
import { describeRange } from "../jobs/settings.ts";
import type { CommandContext } from "./context.ts";
import { nearestWord } from "./nearest-word.ts";

/** Bad usage: exit code 2. The message says what was wrong and, where there is one, the nearest valid form. */
export class UsageError extends Error {
  override name = "UsageError";
}

interface OptionBase {
  readonly description: string;
  /** Heading of the help under which the option stands; "Options" when none is given. */
  readonly group?: string;
  /** What the help calls the value: `FILE`, `N`. */
  readonly placeholder?: string;
  readonly required?: boolean;
}

export interface BooleanOption extends OptionBase {
  readonly type: "boolean";
}

export interface StringOption extends OptionBase {
  readonly type: "string";
  readonly default?: string;
  readonly choices?: readonly string[];
}

/** Values separated by commas. */
export interface ListOption extends OptionBase {
  readonly type: "list";
  readonly default?: readonly string[];
}

/** Several values, without commas between them: `--image a.png b.png`, as a shell writes `--image *.png`. */
export interface ManyOption extends OptionBase {
  readonly type: "many";
  readonly default?: undefined;
}

export interface NumberOption extends OptionBase {
  readonly type: "number" | "integer";
  readonly default?: number;
  /** Smallest value that is allowed. */
  readonly min?: number;
  /** Largest value that is allowed. */
  readonly max?: number;
  /** Whether `min` and `max` themselves are refused: a learning rate above 0, a fraction between 0 and 1. */
  readonly exclusive?: boolean;
}

export type OptionDefinition = BooleanOption | StringOption | ListOption | ManyOption | NumberOption;
/** By the name in the program: `maxLength` is `--max-length` on the command line. */
export type OptionDefinitions = Readonly<Record<string, OptionDefinition>>;

export interface PositionalDefinition {
  readonly description: string;
  /** Whether it may be left out. */
  readonly optional?: boolean;
}
/** In order; `modelPath` is `MODEL_PATH` in the help. */
export type PositionalDefinitions = Readonly<Record<string, PositionalDefinition>>;

type ValueOf<D extends OptionDefinition> = D extends BooleanOption
  ? boolean
  : D extends NumberOption
    ? number
    : D extends ListOption | ManyOption
      ? readonly string[]
      : D extends { choices: readonly (infer Choice)[] }
        ? Choice
        : string;

/** The value of an option; `undefined` where it has no default, is not required and is no switch. */
export type OptionValue<D extends OptionDefinition> = D extends
  | BooleanOption
  | { default: unknown }
  | { required: true }
  ? ValueOf<D>
  : ValueOf<D> | undefined;

export type OptionValues<O extends OptionDefinitions> = { readonly [K in keyof O]: OptionValue<O[K]> };
export type PositionalValues<P extends PositionalDefinitions> = {
  readonly [K in keyof P]: P[K] extends { optional: true } ? string | undefined : string;
};

export interface ParsedArguments<O extends OptionDefinitions, P extends PositionalDefinitions> {
  readonly options: OptionValues<O>;
  readonly positionals: PositionalValues<P>;
  /** Options that were written on the command line, as against those that have their default. */
  readonly given: ReadonlySet<keyof O>;
}

export interface CommandDefinition<O extends OptionDefinitions, P extends PositionalDefinitions> {
  readonly name: string;
  /** What it does: a paragraph or a few, for the command's own help. */
  readonly description: string;
  /** How it is called, after `graft NAME`; made from the definitions when not given. */
  readonly usage?: string;
  readonly options: O;
  readonly positionals: P;
  /** Runs the command. Gives the exit code; nothing is 0. */
  run(parsed: ParsedArguments<O, P>, context: CommandContext): Promise<number | undefined>;
}

/** A command whose own types are of no concern to the caller. */
// biome-ignore lint/suspicious/noExplicitAny: the parameters of `run` are contravariant, so no narrower type takes all
export type Command = CommandDefinition<any, any>;

/** Gives a command's `run` the types of its options and positionals. */
export function defineCommand<const O extends OptionDefinitions, const P extends PositionalDefinitions>(
  definition: CommandDefinition<O, P>,
): CommandDefinition<O, P> {
  return definition;
}

/** Options that every command has. */
export const COMMON_OPTIONS = {
  verbose: { type: "boolean", description: "print the stack of an error" },
  help: { type: "boolean", description: "print this help" },
} as const satisfies OptionDefinitions;

/** `maxLength` -> `--max-length` */
export const flag = flagOf;

/** `modelPath` -> `MODEL_PATH` */
export function positionalName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/** Whether the help of the command is asked for; `--` ends the options. */
export function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return (end < 0 ? args : args.slice(0, end)).some((argument) => argument === "--help" || argument === "-h");
}

/**
 * Reads a command line as typed values.
 *
 * @throws UsageError for an unknown option, a value that is missing, is none of the choices, is no number or is out of
 * range, a required option or positional left out, and a positional too many.
 */
export function parseArguments<O extends OptionDefinitions, P extends PositionalDefinitions>(
  command: Pick<CommandDefinition<O, P>, "name" | "options" | "positionals">,
  args: readonly string[],
): ParsedArguments<O, P> {
  const definitions: OptionDefinitions = { ...COMMON_OPTIONS, ...command.options };
  const byFlag = new Map(Object.keys(definitions).map((name) => [flag(name), name]));
  const values: Record<string, unknown> = {};
  const given = new Set<string>();
  const words: string[] = [];
  /** Where words go: to the option before them that takes many, else they stand for themselves. */
  let taking = words;

  for (const token of tokenize(definitions, args)) {
    if (token.kind === "positional") taking.push(token.value);
    else taking = words;
    if (token.kind !== "option") continue;
    const name = byFlag.get(token.rawName);
    if (name === undefined) throw unknown("option", token.rawName, [...byFlag.keys()]);
    const value = readValue(token.rawName, definitions[name], token.value, token.inlineValue ?? false);
    if (definitions[name].type === "many") {
      taking = [...((values[name] as string[] | undefined) ?? []), value as string];
      values[name] = taking;
    } else values[name] = value;
    given.add(name);
  }

  for (const [name, definition] of Object.entries(definitions)) {
    if (given.has(name)) continue;
    if (definition.required) throw new UsageError(`${flag(name)} ${placeholder(definition)} is missing`);
    values[name] = definition.type === "boolean" ? false : definition.default;
  }
  return {
    options: values as OptionValues<O>,
    positionals: readPositionals(command.positionals, words),
    given,
  };
}

function tokenize(definitions: OptionDefinitions, args: readonly string[]) {
  const options = Object.entries(definitions).map(([name, { type }]) => [
    flag(name).slice(2),
    { type: type === "boolean" ? ("boolean" as const) : ("string" as const) },
  ]);
  // Not strict: its errors know neither the nearest name nor that -0.5 is a number.
  return parseArgs({
    args: [...args],
    options: Object.fromEntries(options),
    allowPositionals: true,
    strict: false,
    tokens: true,
  }).tokens;
}

function readPositionals<P extends PositionalDefinitions>(definitions: P, words: readonly string[]) {
  const names = Object.keys(definitions);
  if (words.length > names.length) {
    const expected = names.length === 0 ? "no arguments" : names.map(positionalName).join(" ");
    throw new UsageError(`unexpected argument ${JSON.stringify(words[names.length])}; expected ${expected}`);
  }
  const missing = names.find((name, i) => words[i] === undefined && !definitions[name].optional);
  if (missing !== undefined) throw new UsageError(`${positionalName(missing)} is missing`);
  return Object.fromEntries(names.map((name, i) => [name, words[i]])) as PositionalValues<P>;
}

function readValue(name: string, definition: OptionDefinition, value: string | undefined, inline: boolean): unknown {
  if (definition.type === "boolean") {
    if (value !== undefined) throw new UsageError(`${name} takes no value, got ${JSON.stringify(value)}`);
    return true;
  }
  if (value === undefined || (!inline && value.startsWith("--"))) {
    const hint = value === undefined ? "" : ` (one that begins with "--" is written ${name}=${value})`;
    throw new UsageError(`${name} needs a value: ${placeholder(definition)}${hint}`);
  }
  switch (definition.type) {
    case "many":
      return value;
    case "string":
      if (definition.choices && !definition.choices.includes(value)) throw unknown(name, value, definition.choices);
      return value;
    case "list":
      return readList(name, value);
    default:
      return readNumber(name, definition, value);
  }
}

function readList(name: string, value: string): string[] {
  const items = value.split(",").map((item) => item.trim());
  if (items.includes("")) throw new UsageError(`${name}: an item of ${JSON.stringify(value)} is empty`);
  return items;
}

function readNumber(name: string, { type, min, max, exclusive }: NumberOption, value: string): number {
  // Number() alone takes "", " 1 " and "0x10".
  const isNumber = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(value);
  const number = Number(value);
  const expected = type === "integer" ? "a whole number" : "a number";
  if (!isNumber || !Number.isFinite(number) || (type === "integer" && !Number.isSafeInteger(number))) {
    throw new UsageError(`${name}: expected ${expected}, got ${JSON.stringify(value)}`);
  }
  const below = min !== undefined && (exclusive ? number <= min : number < min);
  const above = max !== undefined && (exclusive ? number >= max : number > max);
  if (below || above)
    throw new UsageError(`${name}: expected ${expected}${describeRange(min, max, exclusive)}, got ${value}`);
  return number;
}

/** What the help and the errors call the value of an option. */
export function placeholder(definition: OptionDefinition): string {
  if (definition.placeholder) return definition.placeholder;
  switch (definition.type) {
    case "boolean":
      return "";
    case "string":
      return definition.choices?.join("|") ?? "TEXT";
    case "list":
      return "A,B,…";
    case "many":
      return "TEXT…";
    case "integer":
      return "N";
    case "number":
      return "X";
  }
}

/** The error for a word that is none of those known, with the nearest one, or all when they are few. */
export function unknown(what: string, word: string, known: readonly string[]): UsageError {
  const nearest = nearestWord(word, known);
  const isValue = what.startsWith("-");
  const problem = isValue
    ? `${what}: unknown value ${JSON.stringify(word)}`
    : `unknown ${what} ${JSON.stringify(word)}`;
  if (nearest !== undefined) return new UsageError(`${problem}; did you mean ${nearest}?`);
  return new UsageError(isValue ? `${problem}; expected ${known.join(", ")}` : problem);
}
