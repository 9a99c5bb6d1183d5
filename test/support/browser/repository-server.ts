import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { resolve, sep } from "node:path";
import type { Plugin } from "vitest/config";
import { REPOSITORY_URL } from "../files.ts";

/** Serves the repository's files to tests in a browser, as they are; a folder is the list of its files, as JSON. */
export const repositoryServer = (root: string): Plugin => ({
  name: "repository-server",
  configureServer({ middlewares }) {
    middlewares.use(REPOSITORY_URL, async (request, response) => {
      const path = resolve(root, `.${decodeURIComponent(new URL(request.url ?? "", "http://localhost").pathname)}`);
      const state = path.startsWith(root + sep) ? await stat(path).catch(() => null) : null;
      if (state?.isFile()) {
        response.setHeader("content-type", "application/octet-stream");
        response.setHeader("content-length", state.size);
        createReadStream(path).pipe(response);
      } else if (state?.isDirectory()) {
        const entries = await readdir(path, { withFileTypes: true });
        response.setHeader("content-type", "application/json");
        const files = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
        response.end(JSON.stringify(files.sort()));
      } else {
        response.statusCode = 404;
        response.end();
      }
    });
  },
});
