import { requireObject } from "../../tensor/require-kind.ts";
import { addToCrc } from "../crc32.ts";

/**
 * A zip archive of files as they are, uncompressed: weights do not compress. Nothing is copied: the archive is a Blob
 * made of the files' Blobs and the headers between them, so it may be larger than memory. Sizes and places beyond
 * 4 GiB are written in the zip64 form. The same files give the same bytes; every date is 1980-01-01.
 *
 * Format: PKWARE APPNOTE.TXT 6.3.9, sections 4.3 to 4.5.
 *
 * @param files contents by path within the archive, with `/` between folders; written in their order.
 */
export async function zipFiles(files: Readonly<Record<string, Blob>>): Promise<Blob> {
  requireObject("zipFiles", files, "files as { name: Blob }");
  const entries: ZippedFile[] = [];
  for (const [path, contents] of Object.entries(files)) {
    const name = new TextEncoder().encode(path);
    if (path === "" || /^\/|\\|(^|\/)\.\.?(\/|$)/.test(path) || name.length > 0xffff) {
      throw new Error(`zip: ${JSON.stringify(path)} is not a path within an archive`);
    }
    entries.push({ name, crc: await crc32(contents), size: contents.size });
  }
  const { local, central, end } = headersOf(entries);
  const contents = Object.values(files).flatMap((file, i) => [local[i], file]);
  return new Blob([...contents, ...central, end], { type: "application/zip" });
}

interface ZippedFile {
  readonly name: Uint8Array;
  readonly crc: number;
  readonly size: number;
}

interface Entry extends ZippedFile {
  /** Where its local header begins. */
  readonly offset: number;
}

interface ZipHeaders {
  /** What stands before each file. */
  readonly local: Uint8Array<ArrayBuffer>[];
  /** What stands behind them all, for each file and then once. */
  readonly central: Uint8Array<ArrayBuffer>[];
  readonly end: Uint8Array<ArrayBuffer>;
}

/** Everything of an archive but the files' contents. */
export function headersOf(files: readonly ZippedFile[]): ZipHeaders {
  const [local, central]: Uint8Array<ArrayBuffer>[][] = [[], []];
  let offset = 0;
  for (const file of files) {
    const entry = { ...file, offset };
    local.push(localHeader(entry));
    central.push(centralHeader(entry));
    offset += local.at(-1)!.length + file.size;
  }
  const size = central.reduce((sum, { length }) => sum + length, 0);
  return { local, central, end: endOfDirectory(files.length, size, offset) };
}

const LARGEST_32 = 0xffffffff;
const LARGEST_16 = 0xffff;
/** Version 4.5 of the format has zip64; 2.0 is the usual one. */
const versionFor = (isLarge: boolean): number => (isLarge ? 45 : 20);
const UTF8_NAMES = 0x0800;
/** 1980-01-01, the first day of the format's calendar. */
const DATE = (1 << 5) | 1;

function localHeader({ name, crc, size }: Entry): Uint8Array<ArrayBuffer> {
  const isLarge = size >= LARGEST_32;
  const short = isLarge ? LARGEST_32 : size;
  const extra = isLarge ? fields([2, 1], [2, 16], [8, size], [8, size]) : fields();
  return join(
    fields([4, 0x04034b50], [2, versionFor(isLarge)], [2, UTF8_NAMES], [2, 0], [2, 0], [2, DATE]),
    fields([4, crc], [4, short], [4, short], [2, name.length], [2, extra.length]),
    name,
    extra,
  );
}

function centralHeader({ name, crc, size, offset }: Entry): Uint8Array<ArrayBuffer> {
  const isLarge = size >= LARGEST_32;
  const isFar = offset >= LARGEST_32;
  const short = isLarge ? LARGEST_32 : size;
  const large: Field[] = [
    ...(isLarge
      ? ([
          [8, size],
          [8, size],
        ] as Field[])
      : []),
    ...(isFar ? ([[8, offset]] as Field[]) : []),
  ];
  const extra = large.length > 0 ? fields([2, 1], [2, large.length * 8], ...large) : fields();
  const version = versionFor(isLarge || isFar);
  return join(
    fields([4, 0x02014b50], [2, version], [2, version], [2, UTF8_NAMES], [2, 0], [2, 0], [2, DATE]),
    fields([4, crc], [4, short], [4, short], [2, name.length], [2, extra.length]),
    fields([2, 0], [2, 0], [2, 0], [4, 0], [4, isFar ? LARGEST_32 : offset]),
    name,
    extra,
  );
}

function endOfDirectory(count: number, size: number, offset: number): Uint8Array<ArrayBuffer> {
  const isLarge = count >= LARGEST_16 || size >= LARGEST_32 || offset >= LARGEST_32;
  const entries = Math.min(count, LARGEST_16);
  return join(
    isLarge
      ? fields(
          ...([
            [4, 0x06064b50],
            [8, 44],
            [2, 45],
            [2, 45],
            [4, 0],
            [4, 0],
          ] as Field[]),
          ...([
            [8, count],
            [8, count],
            [8, size],
            [8, offset],
          ] as Field[]),
          ...([
            [4, 0x07064b50],
            [4, 0],
            [8, offset + size],
            [4, 1],
          ] as Field[]),
        )
      : fields(),
    fields([4, 0x06054b50], [2, 0], [2, 0], [2, entries], [2, entries]),
    fields([4, Math.min(size, LARGEST_32)], [4, Math.min(offset, LARGEST_32)], [2, 0]),
  );
}

/** Bytes of a number, and the number. */
type Field = [width: 2 | 4 | 8, value: number];

/** Little-endian numbers in a row. */
function fields(...values: Field[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(values.reduce((sum, [width]) => sum + width, 0));
  const view = new DataView(bytes.buffer);
  let position = 0;
  for (const [width, value] of values) {
    if (width === 2) view.setUint16(position, value, true);
    else if (width === 4) view.setUint32(position, value, true);
    else view.setBigUint64(position, BigInt(value), true);
    position += width;
  }
  return bytes;
}

function join(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let position = 0;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.length;
  }
  return bytes;
}

/** Bytes looked at in one go, so that a page stays responsive. */
const PIECE = 1 << 20;

async function crc32(contents: Blob): Promise<number> {
  let crc = 0xffffffff;
  for (let start = 0; start < contents.size; start += PIECE) {
    crc = addToCrc(new Uint8Array(await contents.slice(start, start + PIECE).arrayBuffer()), crc);
  }
  return ~crc >>> 0;
}
