import { type FirefoxSettings, startFirefox } from "./firefox.ts";
import { SEEN } from "./seen.ts";
import { type ServedFiles, STRICT_POLICY, serve } from "./serve.ts";

/** What a page of these scripts, in an installed Firefox, posts to {@link SEEN}, and everything alarming on its console. */
export async function seenInFirefox<Seen>(
  scripts: readonly string[],
  files: ServedFiles,
  settings: FirefoxSettings = {},
): Promise<{ seen: Seen; alarms: string[] }> {
  const tags = scripts.map((script) => `<script type="module" src="${script}"></script>`);
  const page = `<!doctype html><html lang="en"><title>Firefox</title>${tags.join("")}`;
  let tell!: (seen: Seen) => void;
  const seen = new Promise<Seen>((resolve) => {
    tell = resolve;
  });
  const site = await serve([{ "index.html": page, ...files }, "."], {
    headers: { "content-security-policy": STRICT_POLICY },
    answer: async (request, response) => {
      if (request.url !== SEEN) return false;
      let text = "";
      for await (const part of request) text += part;
      response.end();
      tell(JSON.parse(text));
      return true;
    },
  });
  const firefox = await startFirefox(site.url, settings);
  try {
    return { seen: await seen, alarms: firefox.alarms };
  } finally {
    await firefox.close();
    await site.close();
  }
}
