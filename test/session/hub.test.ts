import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import type { DataSource, ModelSource } from "../../src/session/index.ts";
import { graft } from "../cli/commands.ts";
import { FileServer } from "../support/file-server.ts";
import { COMMIT, hubModel } from "../support/hub-files.ts";
import { collect, filesOf, MODEL, messages, ofType, smallJob, useSessions } from "./support.ts";

const open = useSessions();
const ID = "owner/gpt2-mini";

afterEach(() => vi.unstubAllGlobals());

/** What the command of a session gives in Node, run beside the data as a person would. */
async function repeat(command: string, url: string): Promise<{ stderr: string; weights: Uint8Array | null }> {
  const folder = mkdtempSync(join(tmpdir(), "graft-session-hub-"));
  try {
    writeFileSync(join(folder, "few.tsv"), messages(40));
    const places: Record<string, string> = { "few.tsv": join(folder, "few.tsv"), "fine-tuned": join(folder, "out") };
    const words = command
      .split(" ")
      .slice(1)
      .map((word) => places[word] ?? word);
    const env = { HF_ENDPOINT: url, GRAFT_CACHE: join(folder, "cache") };
    const { code, stderr } = await graft([...words, "--json"], undefined, false, env);
    return { stderr, weights: code === 0 ? readFileSync(join(folder, "out/model.safetensors")) : null };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

it("trains on a model of the Hub or at an address, with data at one, and its command gives the same bytes in Node", async () => {
  const blobs = await filesOf(MODEL);
  const files: Record<string, Uint8Array> = {};
  for (const [name, blob] of Object.entries(blobs)) files[name] = new Uint8Array(await blob.arrayBuffer());
  const atAddress = Object.entries(files).map(([name, bytes]) => [`models/mini/${name}`, bytes]);
  await using server = await FileServer.start({
    ...hubModel(ID, files, { revisions: ["main", "v1"] }),
    ...Object.fromEntries(atAddress),
    "data/few.tsv": messages(40),
  });
  const { fetch } = globalThis;
  vi.stubGlobal("fetch", (url: string, init?: RequestInit) =>
    fetch(url.replace("https://huggingface.co/", server.url), init),
  );
  const address = `${server.url}models/mini/`;
  const job = smallJob({ maxSteps: 3 });
  const table = `${server.url}data/few.tsv`;
  const cases: [ModelSource, string, DataSource, string][] = [
    [{ kind: "hub", id: ID, revision: "v1" }, `${ID} --revision ${COMMIT}`, job.data, "few.tsv"],
    [{ kind: "url", url: address }, address, { kind: "url", url: table }, table],
  ];
  const session = await open();
  for (const [model, modelNamed, data, dataNamed] of cases) {
    const events = await collect(session.start({ ...job, model, data }));
    expect(ofType(events, "bytes").some(({ what }) => what === "download")).toBe(true);
    const { files: saved, command } = await session.save();
    expect(command).toContain(`graft finetune --model ${modelNamed} --task classify --data ${dataNamed} `);
    const { stderr, weights } = await repeat(command, server.url);
    expect(stderr).toBe("");
    expect(weights!.length).toBeGreaterThan(1_000_000);
    expect(Buffer.compare(weights!, new Uint8Array(await saved["model.safetensors"].arrayBuffer()))).toBe(0);
  }
});
