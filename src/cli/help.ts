import { COMMON_OPTIONS, type Command, flag, type OptionDefinition, placeholder, positionalName } from "./arguments.ts";
import { wrap } from "./text.ts";

/** Widest column of option names; a longer name has its description on the next line. */
const NAME_COLUMN = 30;

type Row = readonly [name: string, description: string];

/** The help of one command: usage, description, arguments and options with their defaults, aligned. */
export function commandHelp(command: Command, columns = 80): string {
  const width = Math.min(Math.max(columns, 40), 100);
  const sections = [`Usage: graft ${command.name} ${command.usage ?? defaultUsage(command)}`.trimEnd()];
  sections.push(...command.description.split("\n\n").map((paragraph) => wrap(paragraph, width).join("\n")));
  const positionals = Object.entries(command.positionals as Record<string, { description: string }>);
  const groups = new Map<string, Row[]>();
  if (positionals.length > 0) {
    groups.set(
      "Arguments",
      positionals.map(([name, { description }]) => [positionalName(name), description]),
    );
  }
  const options: [string, OptionDefinition][] = Object.entries({ ...command.options, ...COMMON_OPTIONS });
  for (const [name, definition] of options) {
    const group = definition.group ?? "Options";
    if (!groups.has(group)) groups.set(group, []);
    groups.get(group)!.push([`${flag(name)} ${placeholder(definition)}`.trimEnd(), describeOption(definition)]);
  }
  // The group without a name holds what every command has, and comes last.
  const named = [...groups].filter(([group]) => group !== "Options");
  const rows = [...named, ["Options", groups.get("Options")!] as const];
  const column = nameColumn(rows.flatMap(([, group]) => group));
  for (const [group, entries] of rows) sections.push(`${group}:\n${table(entries, column, width)}`);
  return `${sections.join("\n\n")}\n`;
}

/** The help of `graft` itself. */
export function overviewHelp(version: string, commands: readonly Row[], columns = 80): string {
  const width = Math.min(Math.max(columns, 40), 100);
  const options: Row[] = [
    ["--help", "print this help; graft COMMAND --help tells about one command"],
    ["--version", "print the version"],
  ];
  const column = nameColumn([...commands, ...options]);
  return [
    `graft ${version}: fine-tunes pretrained models on WebGPU`,
    "Usage: graft COMMAND [options]",
    `Commands:\n${table(commands, column, width)}`,
    `Options:\n${table(options, column, width)}`,
    wrap("Exit codes: 0 done, 1 the work failed, 2 bad usage.", width).join("\n"),
    "",
  ]
    .join("\n\n")
    .trimEnd()
    .concat("\n");
}

function defaultUsage({ options, positionals }: Command): string {
  const words = Object.entries(positionals as Record<string, { optional?: boolean }>).map(([name, { optional }]) =>
    optional ? `[${positionalName(name)}]` : positionalName(name),
  );
  const required = Object.entries(options as Record<string, OptionDefinition>)
    .filter(([, definition]) => definition.required)
    .map(([name, definition]) => `${flag(name)} ${placeholder(definition)}`);
  return [...words, ...required, "[options]"].join(" ");
}

function describeOption(definition: OptionDefinition): string {
  const { description, required } = definition;
  if (required) return `${description} (required)`;
  if (definition.type === "boolean" || definition.default === undefined) return description;
  const value = definition.default;
  return `${description} (default ${typeof value === "object" ? value.join(",") : value === "" ? '""' : value})`;
}

function nameColumn(rows: readonly Row[]): number {
  const lengths = rows.map(([name]) => name.length).filter((length) => length <= NAME_COLUMN);
  return Math.max(8, ...lengths);
}

function table(rows: readonly Row[], column: number, width: number): string {
  const indent = " ".repeat(column + 4);
  return rows
    .flatMap(([name, description]) => {
      const lines = wrap(description, Math.max(20, width - indent.length));
      if (name.length > column) return [`  ${name}`, ...lines.map((line) => indent + line)];
      return lines.map((line, i) => (i === 0 ? `  ${name.padEnd(column)}  ${line}` : indent + line));
    })
    .join("\n");
}
