import { describeWebGpuProblem, type WebGpuProblem, WebGpuUnavailableError } from "../../src/gpu/index.ts";
import { FineTuneSession, type SessionOptions } from "../../src/session/index.ts";
import { byId, fill } from "./dom.ts";
import { notice } from "./page.ts";

/**
 * Opens a session in a worker, and names its adapter in the page. Where the page has no GPU it says what is missing in
 * place of the parts, and gives null. Where the browser gives the page no storage, the session works without, and the page
 * says so.
 *
 * @param options where its runs are kept, by the session's own default without it, and what errors call the settings
 */
export async function openSession(
  options: Pick<SessionOptions, "storage" | "settingNames"> = {},
): Promise<FineTuneSession | null> {
  const problem = await describeWebGpuProblem();
  if (problem) return refuse(problem);
  const isStored = await hasStorage();
  try {
    const session = await FineTuneSession.open({
      worker: new URL("app/session-worker.js", document.baseURI),
      ...options,
      ...(isStored ? {} : { storage: false }),
    });
    fill(byId("adapter"), session.adapter.name);
    if (!isStored) byId("notices").append(notice(NO_STORAGE));
    return session;
  } catch (error) {
    // Some browsers have WebGPU in pages and not in workers.
    if (error instanceof WebGpuUnavailableError) return refuse(error.problem);
    return refuse({ title: "The GPU could not be opened", text: (error as Error).message, steps: [] });
  }
}

const NO_STORAGE = {
  title: "Nothing can be kept here",
  text:
    "This browser gives the page no storage, as in some private windows. Everything works; only a run is lost when the " +
    "page is closed or loaded anew.",
};

/** Says why nothing can be done here, in place of the parts. */
export function refuse({ title, text, steps }: Pick<WebGpuProblem, "title" | "text" | "steps">): null {
  fill(byId("adapter"), "No GPU");
  fill(byId("notices"), notice({ title, text, details: steps, kind: "problem" }));
  byId("parts").hidden = true;
  return null;
}

/** Whether the browser keeps files for the page: some do not in private windows. */
async function hasStorage(): Promise<boolean> {
  try {
    await navigator.storage.getDirectory();
    return true;
  } catch {
    return false;
  }
}
