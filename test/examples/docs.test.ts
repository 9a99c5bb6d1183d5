import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { codeOf } from "../support/docs-code.ts";

const folder = mkdtempSync(join("test", ".docs-"));
afterAll(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

describe("docs/adjusting-models.md", () => {
  it("has code that runs as it stands, and throws what it says", async () => {
    const code = codeOf("docs/adjusting-models.md", "Image classifiers")
      .replaceAll("runs/adjusted", join(folder, "adjusted"))
      // A statement with "// throws: MESSAGE" behind it.
      .replace(/^(.+);\n\/\/ throws: (.+)$/gm, (_, statement, message) => {
        return `try { ${statement}; thrown.push(""); } catch (error) { thrown.push([${JSON.stringify(message)}, error.message]); }`;
      });
    const results = "export { model, grey, mismatched, thrown }; gpu.close();";
    const module = join(folder, "page.mjs");
    writeFileSync(module, `const thrown = [];\n${code}\n${results}\n`);
    vi.spyOn(console, "log").mockImplementation(() => {});
    const { model, grey, mismatched, thrown } = await import(join(process.cwd(), module));
    expect(thrown).toHaveLength(1);
    for (const [expected, message] of thrown) expect(message).toContain(expected);
    expect(model.labels).toEqual(["even", "odd"]);
    expect(model.depths).toEqual([3, 3, 2]);
    expect(mismatched.map(({ name }: { name: string }) => name)).toEqual(["conv1.weight"]);
    expect(grey.channels).toBe(1);
  });
});
