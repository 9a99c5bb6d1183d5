import { BenchUsageError, type Family, lackOfRoom, parseSizes } from "../../src/bench/index.ts";
import type { BenchAdapter } from "./protocol.ts";

/** The size that is taken where none is written. */
export const defaultSize = ({ defaultSize }: Family, { isSoftware }: BenchAdapter): string =>
  defaultSize[isSoftware ? "software" : "hardware"];

/** What is wrong with a size as it is written, or with the default where it is empty; null where nothing is. */
export function wrongSize(family: Family, text: string, adapter: BenchAdapter): string | null {
  try {
    const lack = lackOfRoom(family, parseSizes(family, text.trim() || defaultSize(family, adapter)), adapter);
    return lack && `Too large: ${lack}.`;
  } catch (error) {
    if (error instanceof BenchUsageError) return `Expected ${family.sizeForms}, each a whole number from 1.`;
    throw error;
  }
}
