import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const TOKENS = join(resolve(import.meta.dirname, "../.."), "demo/shared/style/tokens.css");

/** WCAG 2.2: the light of a colour, and how far two stand apart. */
function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function contrast(one: string, other: string): number {
  const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

async function readTokens(scheme: 0 | 1): Promise<Record<string, string>> {
  const css = await readFile(TOKENS, "utf8");
  const pairs = css.matchAll(/--([\w-]+): light-dark\((#[\da-f]{6}), (#[\da-f]{6})\);/g);
  return Object.fromEntries([...pairs].map(([, name, ...colours]) => [name, colours[scheme]]));
}

describe.each([
  ["light", 0],
  ["dark", 1],
] as const)("in the %s scheme", (_name, scheme) => {
  it.each([
    ["ink", ["page", "surface", "sunken", "accent-wash", "bad-wash"]],
    ["soft", ["page", "surface", "sunken"]],
    ["accent", ["page", "surface", "accent-wash"]],
    ["accent-strong", ["page", "surface", "accent-wash"]],
    ["bad", ["page", "surface"]],
    ["on-accent", ["accent", "accent-strong"]],
  ])("the text colour %s can be read on every ground that it stands on", async (text, grounds) => {
    const tokens = await readTokens(scheme);
    for (const ground of grounds) {
      expect([ground, contrast(tokens[text], tokens[ground])]).toEqual([ground, expect.toSatisfy((x) => x >= 4.5)]);
    }
  });

  it("the borders of controls, the focus and the points of charts stand out", async () => {
    const tokens = await readTokens(scheme);
    for (const ground of ["page", "surface"]) {
      for (const mark of ["edge", "accent"]) {
        expect([mark, ground, contrast(tokens[mark], tokens[ground])]).toEqual([
          ...[mark, ground, expect.toSatisfy((x) => x >= 3)],
        ]);
      }
    }
  });
});
