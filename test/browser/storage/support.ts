import { resolve } from "node:path";
import type { Page } from "playwright";
import { bundle, type Served, type ServedFiles, serve } from "../../support/chromium.ts";
import type { run as runInPage } from "./page.ts";
import type { ScenarioName, scenarios } from "./scenarios.ts";

const library = resolve(import.meta.dirname, "../../../scripts/build/library.mjs");
/** What is built for browsers takes another file of some packages. */
export const { browserAlias } = (await import(library)) as { browserAlias: Record<string, string> };

/** A site whose page and workers run scenarios, with more files. */
export async function serveScenarios(files: ServedFiles = {}): Promise<Served> {
  return serve({
    ...files,
    ...(await bundle(
      { page: "test/browser/storage/page.ts", worker: "test/browser/storage/worker.ts" },
      { alias: browserAlias },
    )),
    "index.html": `<!doctype html><title>Storage</title><script type="module" src="page.js"></script>`,
  });
}

/** Gives a site so many bytes of storage in all. */
export async function limitStorage(page: Page, url: string, quotaSize: number): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send("Storage.overrideQuotaForOrigin", { origin: new URL(url).origin, quotaSize });
}

/** Runs a scenario and gives what it returns. */
export async function run<Name extends ScenarioName>(
  page: Page,
  name: Name,
  argument?: Parameters<(typeof scenarios)[Name]>[0],
  place: "page" | "worker" = "page",
): Promise<Awaited<ReturnType<(typeof scenarios)[Name]>>> {
  await page.waitForFunction(() => "run" in globalThis);
  const value = await page.evaluate(
    ({ name, argument, place }) => {
      const { run } = globalThis as unknown as { run: typeof runInPage };
      return run(name, argument, place);
    },
    { name, argument: argument as unknown, place },
  );
  return value as Awaited<ReturnType<(typeof scenarios)[Name]>>;
}
