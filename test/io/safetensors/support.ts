import { type ByteSource, bytesSource } from "../../../src/io/byte-source.ts";
import { SafetensorsError } from "../../../src/io/safetensors/error.ts";
import { SafetensorsFile } from "../../../src/io/safetensors/reader.ts";
import { readBytes, readJson } from "../../support/files.ts";

export const FIXTURES = "test/fixtures/safetensors";

export const fixture = async (path: string): Promise<Uint8Array> => readBytes(`${FIXTURES}/${path}`);

export const fixtureJson = async (path: string) => readJson(`${FIXTURES}/${path}`);

/** A file with this header, text or value, and data; `length` overrides the true header length. */
export function makeFile(header: unknown, data: Uint8Array | number[] = [], length?: bigint): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}

export const openBytes = (bytes: Uint8Array): Promise<SafetensorsFile> =>
  SafetensorsFile.open(bytesSource("test.safetensors", bytes));

/** The SafetensorsError that a promise ends with; anything else fails the test. */
export async function refusal(promise: Promise<unknown>): Promise<SafetensorsError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof SafetensorsError) return error;
    throw error;
  }
  throw new Error("expected a SafetensorsError, but there was none");
}

/** Counts what is read through a source. */
export function counting(source: ByteSource): ByteSource & { ranges: [number, number][]; bytesRead: number } {
  return {
    name: source.name,
    size: source.size,
    ranges: [],
    bytesRead: 0,
    read(start, end) {
      this.ranges.push([start, end]);
      this.bytesRead += end - start;
      return source.read(start, end);
    },
    close: () => source.close(),
  };
}
