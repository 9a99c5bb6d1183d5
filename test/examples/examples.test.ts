import { afterEach, describe, expect, it, vi } from "vitest";

/** What an example prints. */
async function outputOf(example: string, ...args: string[]): Promise<string> {
  const lines: string[] = [];
  vi.spyOn(process, "argv", "get").mockReturnValue(["node", example, ...args]);
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

  it("captured-step: a loop of one's own whose step is replayed", async () => {
    const output = await outputOf("captured-step");
    expect(output).toMatch(
      /^captured: loss 1\.5\d+ to 0\.0\d+; from the third step on 0 buffers and 0 bind groups made$/m,
    );
    expect(output).toContain("the same losses, bit for bit: true");
  });

  it("makemore: a checkpoint with names of its own writes Shakespeare", async () => {
    const output = await outputOf("makemore");
    // The entropy of its 65 characters without context is 3.3 nats.
    expect(output).toMatch(/^loss 2\.147 a character\nROMEO:[\s\S]{200}$/);
  });

  it("mnist-cnn: weights of another framework get 99 % of the 10,000 MNIST test images right", async () => {
    const output = await outputOf("mnist-cnn");
    console.info(output);
    expect(Number(/: (\d+\.\d+) %$/.exec(output)![1])).toBeGreaterThanOrEqual(99);
  });

  it("transfer-mnist: photographs to digits, digits to even and odd, on few images", async () => {
    const output = await outputOf("transfer-mnist", "--train", "200", "--valid", "100");
    console.info(output);
    const accuracy = (line: string): number =>
      Number(new RegExp(`^${line}: accuracy (\\d+\\.\\d) %`, "m").exec(output)![1]);
    expect(accuracy("ResNet-20 to digits, before training")).toBeLessThan(30);
    expect(accuracy("ResNet-20 to digits, after training")).toBeGreaterThan(60);
    expect(accuracy("MNIST network to even and odd, after training")).toBeGreaterThan(95);
  });
});
