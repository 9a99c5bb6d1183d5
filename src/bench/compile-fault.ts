import type { ShaderCompileError } from "../gpu/index.ts";

/** Lines shown above and below the one that an error is in. */
const AROUND = 2;

/**
 * What is wrong with a shader, as lines: the compiler's errors, each with the lines about it; or, of one that compiles and
 * does not fit what it is bound to, the device's first words and those that name a binding.
 */
export function describeCompileFault({ message, messages, code }: ShaderCompileError): string {
  const errors = messages.filter(({ type }) => type === "error");
  if (errors.length > 0) {
    const source = code.split("\n");
    return ["it does not compile", ...errors.flatMap((error) => [wordsOf(error), ...excerpt(source, error)])].join(
      "\n",
    );
  }
  const [first, ...others] = message.replace(/^.*? does not compile: /, "").split("\n");
  const naming = others.filter((line) => /^ - .*@binding/.test(line));
  return ["it compiles, but does not keep the contract of its family", ...[first, ...naming].map(plain)].join("\n");
}

interface Place {
  readonly line: number;
  readonly column: number;
}

const wordsOf = ({ line, column, text }: Place & { text: string }): string =>
  line > 0 ? `line ${line}, column ${column}: ${text}` : text;

/** The lines about a place, numbered, with a mark below the column; none where the compiler names no place. */
function excerpt(source: readonly string[], { line, column }: Place): string[] {
  if (line < 1 || line > source.length) return [];
  const begin = Math.max(1, line - AROUND);
  const width = String(line + AROUND).length + 2;
  return source.slice(begin - 1, line + AROUND).flatMap((text, i) => {
    const own = begin + i;
    const numbered = `${String(own).padStart(width)} | ${text}`.trimEnd();
    // Whatever is as wide as a tab stays so.
    const mark = text.slice(0, Math.max(0, column - 1)).replace(/[^\t]/g, " ");
    return own === line && column > 0 ? [numbered, `${" ".repeat(width)} | ${mark}^`] : [numbered];
  });
}

/** Without the names that objects have in the device's own words, such as [ShaderModule "own.wgsl"]. */
const plain = (words: string): string =>
  words
    .replace(/ \[[A-Z]\w*(?: "[^"]*"| \([^)]*\))?\]/g, "")
    .replaceAll('""', '"')
    .replace(/^ - While v/, "V");
