import type { ByteSource, OutputDirectory } from "../../io/index.ts";

/** Where bytes of a value lie in the file beside its JSON, and what they were. */
interface Place {
  readonly $bytes: readonly [start: number, end: number];
  /** Type of a Blob; absent for a Uint8Array. */
  readonly type?: string;
}

/** Bytes copied at a time. */
const PIECE = 1 << 20;

/**
 * Writes plain data that may hold Blobs and bytes anywhere: JSON with places, and one file of bytes.
 *
 * @returns the JSON
 */
export async function pack(value: unknown, output: OutputDirectory, file: string): Promise<string> {
  const parts: (Blob | Uint8Array)[] = [];
  let position = 0;
  const take = (part: Blob | Uint8Array, bytes: number): Place => {
    parts.push(part);
    position += bytes;
    const place = { $bytes: [position - bytes, position] as const };
    return part instanceof Blob ? { ...place, type: part.type } : place;
  };
  const replaced = (one: unknown): unknown => {
    if (one instanceof Blob) return take(one, one.size);
    if (one instanceof Uint8Array) return take(one, one.length);
    if (Array.isArray(one)) return one.map(replaced);
    if (typeof one !== "object" || one === null) return one;
    return Object.fromEntries(Object.entries(one).map(([key, own]) => [key, replaced(own)]));
  };
  const json = JSON.stringify(replaced(value));
  await copyTo(output, file, parts);
  return json;
}

/** Reads back what {@link pack} wrote. */
export async function unpack<T>(json: string, bytes: ByteSource): Promise<T> {
  const restored = async (one: unknown): Promise<unknown> => {
    if (Array.isArray(one)) return Promise.all(one.map(restored));
    if (typeof one !== "object" || one === null) return one;
    if ("$bytes" in one) {
      const { $bytes, type } = one as Place;
      const own = await bytes.read($bytes[0], $bytes[1]);
      return type === undefined ? own : new Blob([own as Uint8Array<ArrayBuffer>], { type });
    }
    const entries = Object.entries(one).map(async ([key, own]) => [key, await restored(own)] as const);
    return Object.fromEntries(await Promise.all(entries));
  };
  return (await restored(JSON.parse(json))) as T;
}

/** Writes parts one after another as one file, large ones a piece at a time. */
export async function copyTo(
  output: OutputDirectory,
  file: string,
  parts: readonly (Blob | Uint8Array)[],
  onBytes: (bytes: number) => void = () => {},
): Promise<void> {
  const sink = await output.create(file);
  try {
    for (const part of parts) {
      if (part instanceof Uint8Array) await sink.write(part);
      else {
        for (let start = 0; start < part.size; start += PIECE) {
          const piece = new Uint8Array(await part.slice(start, start + PIECE).arrayBuffer());
          await sink.write(piece);
          onBytes(piece.length);
        }
      }
    }
    await sink.close();
  } catch (error) {
    await sink.abort();
    throw error;
  }
}
