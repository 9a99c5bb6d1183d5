import { access, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  ...{ ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" },
};

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

export interface HostHabits {
  /** Pages are at addresses without their ending, and whoever asks with it is led there, as some hosts do. */
  readonly withoutEndings?: boolean;
}

/** The plainest of hosts: whole files of a folder below a path, their types, and no other header. */
export async function hostFolder(
  folder: string,
  below: string,
  { withoutEndings = false }: HostHabits = {},
): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url!, "http://localhost").pathname;
    try {
      if (!path.startsWith(below)) throw new Error("not here");
      const name = path.slice(below.length) || "index.html";
      if (withoutEndings && path.endsWith(".html")) {
        response.writeHead(308, { Location: path.replace(/(index)?\.html$/, "") }).end();
        return;
      }
      const file = withoutEndings && !(await exists(join(folder, name))) ? `${name}.html` : name;
      const bytes = await readFile(join(folder, file));
      response.setHeader("Content-Type", TYPES[extname(file)] ?? "application/octet-stream");
      response.end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}${below}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
