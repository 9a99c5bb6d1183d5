import { formatBytes, formatClock } from "../finetune/format.ts";
import type { ByteProgress } from "../io/remote/index.ts";
import type { CommandContext } from "./context.ts";
import { bar, ProgressLine, type Segment } from "./progress.ts";
import { printable } from "./text.ts";

const BAR_WIDTH = 20;
/** Milliseconds after which a rate means something. */
const FIRST_RATE = 1000;

/** Shows downloads in one line of a terminal while they go on; nothing elsewhere, and nothing with `--json`. */
export class DownloadLine implements Disposable {
  readonly #line: ProgressLine | undefined;
  readonly #now: () => number;
  /** What had been loaded when the download under way began or was taken up. */
  #start: { loaded: number; time: number } | undefined;

  constructor({ stderr, now }: Pick<CommandContext, "stderr" | "now">, { json = false }: { json?: boolean } = {}) {
    this.#now = now;
    if (stderr.isTTY && !json) this.#line = new ProgressLine(stderr, now);
  }

  readonly onProgress = (progress: ByteProgress): void => {
    if (progress.loaded < progress.total) {
      this.#start ??= { loaded: progress.loaded, time: this.#now() };
      this.#line?.update(this.#segments(progress));
    } else this[Symbol.dispose]();
  };

  #segments({ file, loaded, total }: ByteProgress): Segment[] {
    const start = this.#start!;
    const milliseconds = this.#now() - start.time;
    const rate = milliseconds < FIRST_RATE ? 0 : (loaded - start.loaded) / (milliseconds / 1000);
    return [
      { text: `Downloading ${printable(file)}`, rank: 0 },
      { text: bar(loaded / total, BAR_WIDTH), rank: 3 },
      { text: `${formatBytes(loaded)} of ${formatBytes(total)}`, rank: 1 },
      { text: rate > 0 ? `${formatBytes(rate)}/s` : "", rank: 4 },
      { text: rate > 0 ? `ETA ${formatClock((total - loaded) / rate)}` : "", rank: 2 },
    ];
  }

  /** Takes the line away. */
  [Symbol.dispose](): void {
    this.#line?.clear();
    this.#start = undefined;
  }
}
