import { afterEach, describe, expect, it, vi } from "vitest";

/** What an example prints. */
async function outputOf(example: string): Promise<string> {
  const lines: string[] = [];
  vi.spyOn(console, "log").mockImplementation((...values: unknown[]) => {
    lines.push(values.join(" "));
  });
  await import(`../../examples/${example}.mjs`);
  return lines.join("\n");
}

afterEach(() => vi.restoreAllMocks());

describe("examples", () => {
  it("hessian-vector-product: H v of Rosenbrock's function", async () => {
    expect(await outputOf("hessian-vector-product")).toContain("[1330, 880, -200]");
  });

  it("custom-op: a user's shader and gradient", async () => {
    const output = await outputOf("custom-op");
    expect(output).toContain("8 elements, error below 0.001");
    expect(output).toMatch(/loss 1\.6547, gradient/);
  });

  it("makemore: a checkpoint with names of its own writes Shakespeare", async () => {
    const output = await outputOf("makemore");
    // The entropy of its 65 characters without context is 3.3 nats.
    expect(output).toMatch(/^loss 2\.147 a character\nROMEO:[\s\S]{200}$/);
  });
});
