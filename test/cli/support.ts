import type { CommandContext, Output } from "../../src/cli/context.ts";

/** An output that keeps what is written to it. */
export class MemoryOutput implements Output {
  text = "";
  constructor(
    readonly isTTY = false,
    public columns = 80,
  ) {}

  write(text: string): void {
    this.text += text;
  }

  get lines(): string[] {
    return this.text.replace(/\n$/, "").split("\n");
  }

  /** What a terminal shows after all that was written: carriage returns and erased lines are carried out. */
  get screen(): string[] {
    const rows = [""];
    let column = 0;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the terminal's own language
    for (const [token] of this.text.matchAll(/\x1b\[[?\d]*[A-Za-z]|[\s\S]/g)) {
      const row = rows.length - 1;
      if (token === "\n") {
        rows.push("");
        column = 0;
      } else if (token === "\r") column = 0;
      else if (token === "\x1b[K") rows[row] = rows[row].slice(0, column);
      else if (!token.startsWith("\x1b")) {
        rows[row] = rows[row].slice(0, column) + token + rows[row].slice(column + 1);
        column++;
      }
    }
    return rows;
  }
}

export interface MemoryContext extends CommandContext {
  stdout: MemoryOutput;
  stderr: MemoryOutput;
}

/** A context without a terminal, whose clock stands still. */
export function memoryContext(): MemoryContext {
  return {
    stdout: new MemoryOutput(),
    stderr: new MemoryOutput(),
    env: {},
    now: () => 0,
    onInterrupt: () => ({ signal: new AbortController().signal, [Symbol.dispose]: () => {} }),
  };
}
