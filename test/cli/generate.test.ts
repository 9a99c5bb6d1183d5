import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { graft, MODEL } from "./commands.ts";

const generate = (prompt: string, ...more: string[]) =>
  graft(["generate", "--model", MODEL, "--prompt", prompt, ...more]);

describe("graft generate", () => {
  it("writes the greedy continuation that transformers wrote", async () => {
    const readme = readFileSync(`${MODEL}/README.md`, "utf8");
    const quoted = readme.slice(readme.indexOf("greedy:")).match(/(?:^> .*\n)+/m)![0];
    const expected = quoted.replace(/^> /gm, "").trimEnd();
    const { code, stdout } = await generate('"What is the matter?" said', "--greedy", "--max-new-tokens", "60");
    expect(code).toBe(0);
    // The sample's own length is not stated; one is the beginning of the other.
    const written = stdout.trimEnd();
    const length = Math.min(written.length, expected.length);
    expect(length).toBeGreaterThan(150);
    expect(written.slice(0, length)).toBe(expected.slice(0, length));
  });

  it("repeats a draw by its seed, and streams it in pieces", async () => {
    const pieces: number[] = [];
    const options = ["--max-new-tokens", "12", "--temperature", "0.8", "--top-k", "40", "--top-p", "0.95"];
    const first = await graft(["generate", "--model", MODEL, "--prompt", "Once", ...options, "--seed", "5"], (seen) =>
      pieces.push(seen.length),
    );
    const second = await generate("Once", ...options, "--seed", "5");
    const other = await generate("Once", ...options, "--seed", "6");
    expect(second.stdout).toBe(first.stdout);
    expect(other.stdout).not.toBe(first.stdout);
    expect(pieces.length).toBeGreaterThan(8);
  });

  it("begins a text of its own from an empty prompt, and stops at Ctrl-C", async () => {
    const { code, stdout } = await graft(["generate", "--model", MODEL, "--prompt", ""], (seen, interrupt) => {
      if (seen.length > 20) interrupt();
    });
    expect(code).toBe(0);
    expect(stdout.length).toBeGreaterThan(20);
    expect(stdout.length).toBeLessThan(200);
  });

  it("refuses what it cannot do", async () => {
    const long = await generate("word ".repeat(400));
    expect([long.code, long.stderr]).toEqual([
      1,
      expect.stringMatching(/the prompt has \d+ tokens, the model only 256 positions/),
    ]);
    const cold = await generate("x", "--temperature", "0");
    expect([cold.code, cold.stderr]).toEqual([2, expect.stringContaining("--temperature")]);
    const nowhere = await graft(["generate", "--model", "/nonexistent", "--prompt", "x"]);
    expect([nowhere.code, nowhere.stderr]).toEqual([1, expect.stringContaining("/nonexistent: no such directory")]);
  });
});
