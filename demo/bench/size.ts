import { BenchUsageError, type Family, parseSizes } from "../../src/bench/index.ts";

/** What is wrong with a size as it is written; null where nothing is, or it is empty, which is the default. */
export function wrongSize(family: Family, text: string): string | null {
  if (text.trim() === "") return null;
  try {
    parseSizes(family, text.trim());
    return null;
  } catch (error) {
    if (error instanceof BenchUsageError) return `Expected ${family.sizeForms}, each a whole number from 1.`;
    throw error;
  }
}
