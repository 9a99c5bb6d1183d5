import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Names the Firefox to use instead of the one in PATH; npm carries none. */
export const FIREFOX_VARIABLE = "GRAFT_FIREFOX";

/** An installed Firefox: what {@link FIREFOX_VARIABLE} names, else `firefox` or `firefox-esr` of PATH. */
export function findFirefox(installed = process.env[FIREFOX_VARIABLE]): string {
  if (installed) {
    if (!existsSync(installed)) throw new Error(`there is no Firefox at ${installed}`);
    return installed;
  }
  const folders = (process.env.PATH ?? "").split(":");
  const found = ["firefox", "firefox-esr"].flatMap((name) => folders.map((folder) => join(folder, name)));
  const path = found.find((file) => existsSync(file));
  if (!path) throw new Error(`no Firefox: install one, or name it in ${FIREFOX_VARIABLE}`);
  return path;
}

export type FirefoxSettings = Readonly<Record<string, boolean | string | number>>;

/** WebGPU, which Firefox for Linux has behind a setting, on whatever adapter there is; and nothing that goes on the net. */
const SETTINGS: FirefoxSettings = {
  "dom.webgpu.enabled": true,
  "dom.webgpu.workers.enabled": true,
  "gfx.webgpu.ignore-blocklist": true,
  "app.normandy.enabled": false,
  "app.update.enabled": false,
  "browser.aboutwelcome.enabled": false,
  "browser.safebrowsing.malware.enabled": false,
  "browser.safebrowsing.phishing.enabled": false,
  "browser.sessionstore.resume_from_crash": false,
  "browser.shell.checkDefaultBrowser": false,
  "browser.startup.homepage_override.mstone": "ignore",
  "datareporting.policy.dataSubmissionEnabled": false,
  "devtools.console.stdout.content": true,
  "dom.ipc.processPrelaunch.enabled": false,
  "dom.max_script_run_time": 0,
  "extensions.update.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "services.settings.server": "data:,",
};

export interface StartedFirefox {
  /** What its pages and workers have written on their consoles as an error or a warning. */
  readonly alarms: string[];
  /** Ends it, and deletes its profile. */
  close(): Promise<void>;
}

const ALARM = /^(console\.(error|warn)|JavaScript (error|warning)):/;
/** Firefox tells of every shader that does not compile, and tests make some: the engine's own exception is what counts. */
const OF_SHADERS = /errors while creating shader module|Shader '.*' (parsing|validation) error/;

/** Starts a headless Firefox on a page, in a profile of its own. */
export async function startFirefox(url: string, settings: FirefoxSettings = {}): Promise<StartedFirefox> {
  const executable = findFirefox();
  const profile = await mkdtemp(join(tmpdir(), "graft-firefox-"));
  const lines = Object.entries({ ...SETTINGS, ...settings }).map(
    ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`,
  );
  await writeFile(join(profile, "user.js"), lines.join(""));
  const child = spawn(executable, ["--headless", "--no-remote", "--profile", profile, url], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const alarms: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      if (ALARM.test(line) && !OF_SHADERS.test(line)) alarms.push(line);
    });
  }
  const end = (): boolean => child.kill("SIGKILL");
  process.once("exit", end);
  return {
    alarms,
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
