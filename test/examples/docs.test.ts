import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { codeOf } from "../support/docs-code.ts";
import { FileServer } from "../support/file-server.ts";
import { COMMIT, hubModel } from "../support/hub-files.ts";

const folder = mkdtempSync(join("test", ".docs-"));
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});
afterAll(() => {
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

describe("docs/models.md", () => {
  it("has code that runs as it stands", async () => {
    const mini = "assets/gpt2-mini-en";
    const names = readdirSync(mini).filter((name) => /\.(json|txt|safetensors)$/.test(name));
    const files = Object.fromEntries(names.map((name) => [name, new Uint8Array(readFileSync(join(mini, name)))]));
    await using server = await FileServer.start(hubModel("openai-community/gpt2", files));
    vi.stubEnv("HF_ENDPOINT", server.url);
    vi.stubEnv("GRAFT_CACHE", join(folder, "cache"));
    const module = join(folder, "models.mjs");
    writeFileSync(module, `${codeOf("docs/models.md", "In a program")}\nexport { directory };\n`);
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    const { directory } = await import(join(process.cwd(), module));
    expect([directory.name, directory.version]).toEqual(["openai-community/gpt2", COMMIT]);
    expect(log.mock.calls).toEqual([[COMMIT]]); // what the first part downloaded is there
  });
});
