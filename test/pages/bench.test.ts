import { expect, it } from "vitest";
import { browserName } from "../../demo/bench/browser-name.ts";
import { wrongSize } from "../../demo/bench/size.ts";
import { familyOf } from "../../src/bench/index.ts";

const WEBKIT = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)";

it.each([
  [`${WEBKIT} Chrome/147.0.0.0 Safari/537.36`, "Chrome 147"],
  [`${WEBKIT} HeadlessChrome/147.0.0.0 Safari/537.36`, "Chrome 147"],
  [`${WEBKIT} Chrome/147.0.0.0 Safari/537.36 Edg/147.0.0.0`, "Edge 147"],
  [`${WEBKIT} Version/26.1 Safari/605.1.15`, "Safari 26.1"],
  ["Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox 145"],
  ["something else", "something else"],
])("calls a browser by its name: %s", (userAgent, name) => {
  expect(browserName(userAgent)).toBe(name);
});

it("takes a size as the command line does, and says what is expected", () => {
  const matmul = familyOf("matmul");
  const adapter = { name: "any", isSoftware: true, browser: "any", maxBufferSize: 2 ** 28 };
  for (const text of ["", " ", "64", " 3x4x5 "]) expect(wrongSize(matmul, text, adapter)).toBeNull();
  for (const text of ["0", "3x4", "a", "1.5", "-2"]) {
    const expected = "Expected N for three equal lengths, or MxKxN, each a whole number from 1.";
    expect(wrongSize(matmul, text, adapter)).toBe(expected);
  }
  expect(wrongSize(matmul, "16x8192x16384", adapter)).toBe(
    "Too large: b would take 512 MiB, and a buffer of this adapter holds 256 MiB at most.",
  );
  // The default counts, too, where it is what would be run.
  expect(wrongSize(matmul, "", { ...adapter, maxBufferSize: 1024 })).toMatch(/^Too large: a would take 1\.0 MiB/);
});
