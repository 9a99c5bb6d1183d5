import { mkdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { userCache } from "../../gpu/user-cache.ts";
import { textOf } from "../directory.ts";
import { openFile, writeFileAtomically } from "./files.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The user's folder for what can be made or had again: `$GRAFT_CACHE`; else `$XDG_CACHE_HOME/graft`, or `~/.cache/graft`
 * where that is unset, empty or no absolute path, as the XDG base directory specification has it.
 *
 * @param env the variables; by default those of the process
 */
export const cacheFolder = (env: Environment = process.env): string =>
  env.GRAFT_CACHE ? resolve(env.GRAFT_CACHE) : userCache(env);

/** The text of a file; undefined when there is none. */
export async function readTextIfAny(path: string): Promise<string | undefined> {
  const source = await openFile(path).catch((error: Error) => {
    if (error.message.endsWith("no such file")) return undefined;
    throw error;
  });
  return source && textOf(source);
}

/** Writes a text so that a reader sees the old or the new one whole; folders that are missing are made. */
export async function writeTextWithFolders(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomically(path, text);
}
