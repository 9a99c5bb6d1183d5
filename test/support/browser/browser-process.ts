import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export interface BrowserCommand {
  /** What it is called in the name of its profile's folder. */
  readonly name: string;
  readonly executable: string;
  /** Its environment; this process's where absent. */
  readonly environment?: NodeJS.ProcessEnv;
  /** Switches, given its profile. */
  switches(profile: string): readonly string[];
  /** Writes what is to be in the profile beforehand. */
  furnish?(profile: string): Promise<void>;
  /** Told of each line that it writes. */
  onLine(line: string): void;
  /** Opens pipes 3 and 4, by whose end a Chromium with `--remote-debugging-pipe` learns that this process is gone. */
  readonly hasPipes?: boolean;
}

export interface BrowserProcess {
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
  /** Ends it, and deletes its profile. */
  close(): Promise<void>;
}

/** Starts an installed browser in a profile of its own. It ends with `close()`, and with this process. */
export async function startBrowser(command: BrowserCommand): Promise<BrowserProcess> {
  const { name, executable, environment, switches, furnish, onLine, hasPipes = false } = command;
  const profile = await mkdtemp(join(tmpdir(), `graft-${name}-`));
  await furnish?.(profile);
  const pipes = hasPipes ? (["pipe", "pipe"] as const) : [];
  const child = spawn(executable, switches(profile), { env: environment, stdio: ["ignore", "pipe", "pipe", ...pipes] });
  for (const stream of [child.stdout!, child.stderr!]) createInterface({ input: stream }).on("line", onLine);
  const end = (): boolean => child.kill("SIGKILL");
  process.once("exit", end);
  return {
    ended: once(child, "exit").then(() => {}),
    close: async () => {
      process.off("exit", end);
      await stopped(child);
      await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill();
  const patience = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await once(child, "exit");
  clearTimeout(patience);
}
