/** How far transfers have come, over all files of a directory. */
export interface ByteProgress {
  /** The file whose bytes have just arrived: its name in the directory, or the address of a single file. */
  readonly file: string;
  /** Bytes that have arrived, each counted once. */
  readonly loaded: number;
  /**
   * Bytes loaded, and those that files in work still have. It grows when another file is begun, and falls to what was
   * loaded when a file is closed before all of it was needed, so that it is reached in the end.
   */
  readonly total: number;
}

/** Adds up what files have received. */
export class ProgressMeter {
  #loaded = 0;
  #outstanding = 0;

  constructor(private readonly onProgress: ((progress: ByteProgress) => void) | undefined) {}

  /** Begins a file of `size` bytes; of 0 where the size will show when it is there. */
  begin(file: string, size: number): FileProgress {
    let left = size;
    this.#outstanding += size;
    return {
      add: (bytes) => {
        if (bytes === 0) return;
        const expected = Math.min(bytes, left);
        left -= expected;
        this.#outstanding -= expected;
        this.#loaded += bytes;
        this.#report(file);
      },
      end: () => {
        if (left === 0) return;
        this.#outstanding -= left;
        left = 0;
        this.#report(file);
      },
    };
  }

  #report(file: string): void {
    this.onProgress?.({ file, loaded: this.#loaded, total: this.#loaded + this.#outstanding });
  }
}

export interface FileProgress {
  /** Counts bytes that have arrived for the first time. */
  add(bytes: number): void;
  /** Expects no more of the file. */
  end(): void;
}

/** Which bytes of a file have been seen, as ranges in order that do not touch. */
export class Coverage {
  readonly #ranges: [number, number][] = [];

  /** Adds [start, end) and gives how many of its bytes are new. */
  add(start: number, end: number): number {
    if (end <= start) return 0;
    const ranges = this.#ranges;
    let first = ranges.length;
    while (first > 0 && ranges[first - 1][1] >= start) first--;
    let last = first;
    let [from, to, known] = [start, end, 0];
    for (; last < ranges.length && ranges[last][0] <= end; last++) {
      const [a, b] = ranges[last];
      known += Math.max(0, Math.min(b, end) - Math.max(a, start));
      from = Math.min(from, a);
      to = Math.max(to, b);
    }
    ranges.splice(first, last - first, [from, to]);
    return end - start - known;
  }
}
