import type { ModelDirectory } from "../directory.ts";
import { type UrlDirectoryOptions, urlDirectory, why } from "../remote/index.ts";

type Hub = typeof import("@huggingface/hub");

/** Which state of a model is read, from which Hub and as whom, and how files are fetched. */
export interface HubDirectoryOptions
  extends Omit<UrlDirectoryOptions, "files" | "hashes" | "headers" | "name" | "version"> {
  /** A branch, a tag or a commit. Default `main`. */
  readonly revision?: string;
  /** Token of a user (`hf_…`), for private and gated models. */
  readonly accessToken?: string;
  /** Address of the Hub, where it is not https://huggingface.co. */
  readonly hubUrl?: string;
}

const HUB_URL = "https://huggingface.co";

/** Whether a text has the form of a name on the Hub: `owner/name`, or `name` as some old models have it. */
export const isHubId = (text: string): boolean => /^[\w.-]+(\/[\w.-]+)?$/.test(text) && !/^\.|\/\.|\.\./.test(text);

/**
 * A model on the Hugging Face Hub, such as `openai-community/gpt2`, read by range from the files of one commit, so that
 * what is pushed meanwhile does not mix in. Works in Node, pages and workers, through the package `@huggingface/hub`,
 * which has to be installed beside this one.
 *
 * With `cachedDirectory` it is downloaded once, and the Hub is not asked again:
 * `cachedDirectory((commit) => hubDirectory(id, { revision: commit }), store)`.
 *
 * @throws Error that says whether the package is missing, the model or the revision is not there, or access is refused.
 */
export async function hubDirectory(id: string, options: HubDirectoryOptions = {}): Promise<ModelDirectory> {
  if (typeof id !== "string" || !isHubId(id)) {
    throw new Error(`${JSON.stringify(id)} is no model of the Hub; expected a name such as openai-community/gpt2`);
  }
  const { revision = "main", accessToken, hubUrl = HUB_URL, ...transfer } = options;
  if (accessToken && !accessToken.startsWith("hf_"))
    throw new Error("an access token of the Hub must start with 'hf_'");
  const hub = await loadHub();
  const root = hubUrl.replace(/\/+$/, "");
  const access = {
    hubUrl: root,
    ...(accessToken && { accessToken }),
    ...(transfer.fetch && { fetch: transfer.fetch }),
  };
  const ask = async <T>(work: () => Promise<T>): Promise<T> => {
    transfer.signal?.throwIfAborted();
    return work().catch((error: unknown) => {
      throw describe(id, revision, root, error);
    });
  };
  const { sha } = await ask(() => hub.modelInfo({ ...access, name: id, revision, additionalFields: ["sha"] }));
  const listing = await ask(() => listFiles(hub, { ...access, repo: id, revision: sha }));
  return urlDirectory(`${root}/${id}/resolve/${sha}/`, {
    ...transfer,
    name: id,
    version: sha,
    ...listing,
    headers: accessToken ? { Authorization: `Bearer ${accessToken}` } : {},
  });
}

/** Files of the model's own folder with their hashes; what lies in folders below it belongs to other formats. */
async function listFiles(
  hub: Hub,
  params: Parameters<Hub["listFiles"]>[0],
): Promise<Required<Pick<UrlDirectoryOptions, "files" | "hashes">>> {
  const files: string[] = [];
  const hashes: [string, string][] = [];
  for await (const { type, path, oid = "", lfs } of hub.listFiles(params)) {
    if (type !== "file") continue;
    files.push(path);
    // Of a large file git knows a note alone, which has the SHA-256 of the file itself.
    if (lfs && /^[0-9a-f]{64}$/.test(lfs.oid)) hashes.push([path, `sha256:${lfs.oid}`]);
    if (!lfs && /^[0-9a-f]{40}$/.test(oid)) hashes.push([path, `git:${oid}`]);
  }
  return { files: files.sort(), hashes: Object.fromEntries(hashes) };
}

/** The package is loaded when the first model is asked for. */
async function loadHub(): Promise<Hub> {
  return import("@huggingface/hub").catch((error: Error) => {
    throw new Error(
      'models of the Hub are reached through the package "@huggingface/hub", which cannot be loaded ' +
        `(${error.message.split("\n")[0]}): npm install @huggingface/hub`,
    );
  });
}

function describe(id: string, revision: string, hubUrl: string, error: unknown): unknown {
  const { statusCode, message } = error as { statusCode?: number; message: string };
  const at = `${id} at ${hubUrl}`;
  const say = (text: string) => new Error(`${at}: ${text}`, { cause: error });
  switch (statusCode) {
    case 401:
      return say("there is no such model, or it is private; check the name, or give an access token of its owner");
    case 403:
      return say("access is refused: the model is gated; accept its terms on its page and give an access token");
    case 404:
      return say(`there is no such model, or it has no revision ${JSON.stringify(revision)}`);
    case 429:
      return say("the Hub has had too many requests from here; wait a minute");
    case undefined:
      return error instanceof TypeError ? say(`the Hub cannot be reached (${why(error)})`) : error;
    default:
      return say(`the Hub answers with status ${statusCode} (${message})`);
  }
}
