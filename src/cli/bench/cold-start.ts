import { spawn } from "node:child_process";
import type { BenchRow } from "../../bench/index.ts";

/** What a child process prints about its one run of a step. */
export interface FirstRun {
  milliseconds: number;
}

/** Environment in which drivers keep no compiled shaders: Mesa's cache is on disk, Node's Dawn has none of its own. */
const COLD_ENVIRONMENT = { MESA_SHADER_CACHE_DISABLE: "true" };

/**
 * Adds to steps the time of their first run in a process of its own, with the driver's cache of compiled shaders as it is
 * (`firstMilliseconds`, after the run that is reported has filled it) and switched off (`coldMilliseconds`).
 *
 * @param command what to start, and what leads to {@link FirstRun} on its standard output when the row's id follows.
 */
export async function addColdStarts(
  rows: readonly BenchRow[],
  command: readonly [program: string, ...args: string[]],
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<void> {
  for (const row of rows) {
    if (!row.counts) continue;
    row.firstMilliseconds = await firstRun(command, row.id, environment, signal);
    row.coldMilliseconds = await firstRun(command, row.id, { ...environment, ...COLD_ENVIRONMENT }, signal);
  }
}

function firstRun(
  [program, ...args]: readonly [string, ...string[]],
  id: string,
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args, id], { env: env as NodeJS.ProcessEnv, signal });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (text) => {
      stdout += text;
    });
    child.stderr.on("data", (text) => {
      stderr += text;
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve((JSON.parse(stdout) as FirstRun).milliseconds);
      else reject(new Error(`${id} in a process of its own ended with code ${code}: ${stderr.trim()}`));
    });
  });
}
