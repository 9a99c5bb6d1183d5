import { randomBytes } from "node:crypto";
import { readFile, rename, stat, unlink, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

/** Milliseconds between two signs of life of who holds a lock. */
const BEAT = 1000;
/** Milliseconds without one, after which whoever waits takes the holder for dead. */
const PATIENCE = 30_000;
/** Milliseconds between two looks at a lock that somebody holds. */
const LOOK = 50;

/** A lock that is held. */
export interface FileLock {
  /** Whether it still is: a process that was stopped for long finds that another has taken it. */
  isHeld(): Promise<boolean>;
  release(): Promise<void>;
}

/**
 * Waits for a lock among the processes of this machine, and of others that share the folder: a file that names its holder.
 * A holder that has died, or gives no sign of life, loses it.
 */
export async function acquireLock(path: string, signal?: AbortSignal): Promise<FileLock> {
  const own = JSON.stringify({ pid: process.pid, host: hostname(), token: randomBytes(8).toString("hex") });
  let seen = { state: "", since: 0 };
  for (;;) {
    signal?.throwIfAborted();
    if (await claim(path, own)) return hold(path, own);
    const held = await look(path);
    if (!held) continue;
    const state = `${held.holder} ${held.beat}`;
    if (seen.state !== state) seen = { state, since: performance.now() };
    const isSilent = performance.now() - seen.since > PATIENCE;
    if (isSilent || isDead(held.holder)) await breakLock(path, held.holder);
    else await sleep(LOOK, undefined, { signal });
  }
}

async function claim(path: string, own: string): Promise<boolean> {
  try {
    await writeFile(path, own, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function hold(path: string, own: string): FileLock {
  const beat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, BEAT);
  beat.unref();
  const isHeld = async (): Promise<boolean> => (await look(path))?.holder === own;
  return {
    isHeld,
    async release() {
      clearInterval(beat);
      if (await isHeld()) await unlink(path).catch(() => {});
    },
  };
}

async function look(path: string): Promise<{ holder: string; beat: number } | undefined> {
  try {
    return { holder: await readFile(path, "utf8"), beat: (await stat(path)).mtimeMs };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Whether the holder was a process of this machine that is no more. */
function isDead(holder: string): boolean {
  try {
    const { pid, host } = JSON.parse(holder) as { pid: number; host: string };
    if (host !== hostname()) return false;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

/** Takes a lock away from its holder, and from nobody who has got it meanwhile. */
async function breakLock(path: string, holder: string): Promise<void> {
  const aside = `${path.replace(/~$/, "")}.${randomBytes(4).toString("hex")}~`;
  try {
    await rename(path, aside);
  } catch {
    return; // another was quicker
  }
  const taken = await readFile(aside, "utf8");
  if (taken !== holder) await claim(path, taken);
  await unlink(aside);
}
