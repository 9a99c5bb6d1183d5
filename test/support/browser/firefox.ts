import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startBrowser } from "./browser-process.ts";

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
  const lines = Object.entries({ ...SETTINGS, ...settings }).map(
    ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`,
  );
  const alarms: string[] = [];
  const { close } = await startBrowser({
    ...{ name: "firefox", executable: findFirefox() },
    furnish: (profile) => writeFile(join(profile, "user.js"), lines.join("")),
    switches: (profile) => ["--headless", "--no-remote", "--profile", profile, url],
    onLine: (line) => {
      if (ALARM.test(line) && !OF_SHADERS.test(line)) alarms.push(line);
    },
  });
  return { alarms, close };
}
