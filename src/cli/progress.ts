import type { Output } from "./context.ts";

/** A part of the progress line; when the terminal is too narrow, those with the highest rank go first. */
export interface Segment {
  readonly text: string;
  readonly rank: number;
}

/** Milliseconds between two redraws, so that a fast run does not spend its time on the terminal. */
const REDRAW_INTERVAL = 80;

/** One line at the bottom of a terminal that is redrawn in place. Every redraw is a single write, so nothing flickers. */
export class ProgressLine {
  #shown = "";
  #drawnAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly output: Output,
    private readonly now: () => number,
  ) {}

  /** Shows the segments that fit, unless it was redrawn a moment ago. */
  update(segments: readonly Segment[]): void {
    const time = this.now();
    if (time - this.#drawnAt < REDRAW_INTERVAL) return;
    this.#drawnAt = time;
    // The last column stays free: a character there makes some terminals wrap.
    const text = fitSegments(segments, this.output.columns - 1);
    if (text !== this.#shown) this.output.write(`\r${text}\x1b[K`);
    this.#shown = text;
  }

  /** Prints lines above the progress line. */
  print(text: string): void {
    if (this.#shown === "") {
      this.output.write(`${text}\n`);
      return;
    }
    const cleared = text.split("\n").map((line) => `${line}\x1b[K\n`);
    this.output.write(`\r${cleared.join("")}${this.#shown}`);
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#shown !== "") this.output.write("\r\x1b[K");
    this.#shown = "";
    this.#drawnAt = Number.NEGATIVE_INFINITY;
  }
}

/** A line on a terminal that tells what is being done, and goes again. Elsewhere nothing is shown. */
export class StatusLine {
  constructor(private readonly output: Output) {}

  show(text: string): void {
    if (this.output.isTTY) this.output.write(`\r\x1b[K${text}`);
  }

  clear(): void {
    if (this.output.isTTY) this.output.write("\r\x1b[K");
  }
}

/** The segments joined by two spaces, without those that do not fit, and cut where even the first is too long. */
function fitSegments(segments: readonly Segment[], width: number): string {
  const kept = segments.filter(({ text }) => text !== "");
  const join = () => kept.map(({ text }) => text).join("  ");
  while (kept.length > 1 && join().length > width) {
    const highest = Math.max(...kept.map(({ rank }) => rank));
    kept.splice(
      kept.findLastIndex(({ rank }) => rank === highest),
      1,
    );
  }
  const line = join();
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`.slice(0, Math.max(0, width));
}

/** A bar of `width` characters, filled to the ratio. */
export function bar(ratio: number, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, ratio)) * width);
  return "━".repeat(filled) + "─".repeat(width - filled);
}
