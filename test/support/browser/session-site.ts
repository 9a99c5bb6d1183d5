import type { Page } from "playwright";
import type { JobSettings, SessionOptions } from "../../../src/session/index.ts";
import { bundle, type Served, STRICT_POLICY, serve } from "./serve.ts";
import type { Seen, SessionPage } from "./session-page.ts";

declare const graft: SessionPage;

const SUPPORT = "test/support/browser";
const PAGE = '<!doctype html><html lang="en"><title>Session</title><script type="module" src="page.js"></script>';

/** Serves session-page.ts, the worker of a session, and the altered one, which takes its query. `/held` is never answered. */
export async function serveSession(): Promise<Served> {
  const files = {
    "index.html": PAGE,
    "altered-session.js": 'import "./altered-worker.js";\nimport "./session-worker.js";\n',
    ...(await bundle({ page: `${SUPPORT}/session-page.ts`, "session-worker": "src/session/worker.ts" })),
    ...(await bundle({ "altered-worker": `${SUPPORT}/altered-worker.ts` })),
  };
  const headers = { "content-security-policy": STRICT_POLICY };
  return serve([files, "."], { headers, answer: ({ url }) => url === "/held" });
}

/** Waits until the page's functions are there. */
export const ready = (page: Page): Promise<unknown> => page.waitForFunction(() => document.title === "ready");

/** Opens a session in the page, and gives its adapter's class. */
export const openSession = (page: Page, options: SessionOptions = {}): Promise<string> =>
  page.evaluate((own) => graft.open(own), options);

/** What a run showed from its start to its end. */
export const run = (page: Page, settings: JobSettings | "pick up"): Promise<Seen> =>
  page.evaluate((own) => graft.run(own), settings);

/** A run that nobody waits the end of. */
export const ENDLESS: JobSettings = { epochs: 100_000, evalEvery: 1_000_000 };
