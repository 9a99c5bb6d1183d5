import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/**
 * A user's folder for what Graft can make or have again: `$XDG_CACHE_HOME/graft`, or `~/.cache/graft` where that is unset,
 * empty or no absolute path, as the XDG base directory specification has it.
 */
export function userCache({ XDG_CACHE_HOME, HOME }: Readonly<Record<string, string | undefined>>): string {
  const base = XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(HOME || homedir(), ".cache");
  return join(base, "graft");
}
