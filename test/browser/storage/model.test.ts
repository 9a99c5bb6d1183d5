import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Download, Page } from "playwright";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NodeDirectory } from "../../../src/io/node/index.ts";
import { openCheckpoint } from "../../../src/io/safetensors/sharded.ts";
import { type Served, useChromium } from "../../support/chromium.ts";
import { unzip } from "../../support/unzip.ts";
import { checksum } from "./scenarios.ts";
import { run, serveScenarios } from "./support.ts";

const MODEL = "assets/gpt2-mini-en";

/** Checksums of a model's tensors on disk, by the names that they have in the module tree. */
async function fingerprintOf(path: string, prefix = ""): Promise<Record<string, number>> {
  const checkpoint = await openCheckpoint(await NodeDirectory.open(path));
  const found: Record<string, number> = {};
  for (const name of checkpoint.names()) {
    if (/wte|h\.0\.|ln_f/.test(name)) found[`${prefix}${name}`] = checksum(await checkpoint.readBytes(name));
  }
  await checkpoint.close();
  return found;
}

/** Drops files and folders of the disk into the middle of a page, as a person does. */
async function drop(page: Page, ...paths: string[]): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: paths.map((path) => resolve(path)), dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"] as const) {
    await session.send("Input.dispatchDragEvent", { type, x: 100, y: 100, data });
  }
}

describe("a model in a browser", () => {
  const chromium = useChromium();
  let site: Served;
  let folder: string;
  let files: string[];
  beforeAll(async () => {
    const directory = await NodeDirectory.open(MODEL);
    files = await directory.list();
    const contents = await Promise.all(
      files.map(async (file) => [`mini/${file}`, await readFile(join(MODEL, file))] as const),
    );
    site = await serveScenarios(Object.fromEntries(contents));
    folder = await mkdtemp(join(tmpdir(), "graft-models-"));
  });
  afterAll(async () => {
    await site.close();
    await rm(folder, { recursive: true });
  });

  it("comes from an address through the browser's storage, is saved there, and keeps its bits", async () => {
    const { page } = await chromium.open(site.url);
    const expected = await fingerprintOf(MODEL);
    for (const place of ["worker", "page"] as const) {
      const { first, again, last, saved } = await run(page, "roundTrip", { url: "mini/", files }, place);
      expect(first).toEqual(expected);
      expect(again).toEqual(expected);
      if (place === "worker") expect(last!.loaded).toBe(last!.total);
      else expect(last).toBeUndefined(); // all of it was there
      expect(saved).toEqual(["config.json", "model.safetensors"]);
    }
  });

  it("is downloaded file by file and as an archive, which open in Node", async () => {
    const { page } = await chromium.open(site.url);
    const downloads: Download[] = [];
    page.on("download", (download) => downloads.push(download));
    const names = await run(page, "save", "mini/");
    await expect.poll(() => downloads.length).toBe(names.length + 2);
    const saved = join(folder, "saved");
    await mkdir(saved);
    for (const download of downloads) await download.saveAs(join(saved, download.suggestedFilename()));
    const expected = await fingerprintOf(MODEL);
    expect(await fingerprintOf(saved)).toEqual(expected);
    expect(await readFile(join(saved, "notes.txt"), "utf8")).toBe("one, two");
    const archive = unzip(await readFile(join(saved, "my-model.zip")));
    expect(Object.keys(archive).sort()).toEqual(names.map((name) => `my-model/${name}`));
    const unpacked = join(folder, "my-model");
    await mkdir(unpacked);
    for (const [path, bytes] of Object.entries(archive)) await writeFile(join(folder, path), bytes);
    expect(await fingerprintOf(unpacked)).toEqual(expected);
    expect(JSON.parse(await readFile(join(unpacked, "config.json"), "utf8")).model_type).toBe("gpt2");
  });

  it("is dropped as a folder or as files, or picked", async () => {
    const { page } = await chromium.open(site.url);
    await run(page, "awaitDrop");
    const expected = await fingerprintOf(MODEL);
    await drop(page, MODEL);
    const whole = await run(page, "takeDrop");
    expect(whole).toEqual({ name: "gpt2-mini-en", files, weights: expected });
    await drop(page, join(MODEL, "config.json"), join(MODEL, "model.safetensors"));
    expect(await run(page, "takeDrop")).toMatchObject({ name: "model", weights: expected });
    await page.locator("input").setInputFiles(MODEL);
    expect(await run(page, "takeDrop")).toEqual(whole);
  });

  it("that is not all there when it is dropped is refused with what is missing", async () => {
    const { page } = await chromium.open(site.url);
    await run(page, "awaitDrop");
    await drop(page, join(MODEL, "model.safetensors"));
    expect(await run(page, "takeDrop")).toEqual({
      paths: ["model.safetensors"],
      error: expect.stringMatching(/^model\.safetensors has the weights, but not what kind of model/),
    });
    const many = join(folder, "many");
    await mkdir(join(many, "below"), { recursive: true });
    const names = Array.from({ length: 230 }, (_, i) => `${String(i).padStart(3, "0")}.txt`);
    for (const name of names) await copyFile(join(MODEL, "config.json"), join(many, "below", name));
    await drop(page, many, join(MODEL, "README.md"));
    const found = await run(page, "takeDrop");
    expect(found.paths).toEqual(["README.md", ...names.map((name) => `many/below/${name}`)]);
    expect(found.error).toMatch(/^This is no model/);
  });
});
