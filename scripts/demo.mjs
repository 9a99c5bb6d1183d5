// Serves the demo on localhost, or builds it into a folder for any static host.
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { demoBuilder } from "./demo/build.mjs";
import { serveDemo } from "./demo/serve.mjs";

/** Where the demo is, unless another program is there: what a browser keeps of runs and models goes by the address. */
const PORT = 4723;

const HELP = `usage: npm run demo -- [--port N] [--host NAME] [--out DIR]

Serves the demo and prints its address.
--port N     the port, 0 for a free one; without it ${PORT}, or a free one where that is taken
--host NAME  the address to listen on; browsers give WebGPU to localhost and to https only
--out DIR    builds a static folder instead, which works from any host of files
`;

const { values } = parseArgs({
  options: {
    port: { type: "string" },
    host: { type: "string", default: "localhost" },
    out: { type: "string" },
    help: { type: "boolean", short: "h" },
  },
});

if (values.help) process.stdout.write(HELP);
else if (values.out !== undefined) await writeFolder(values.out);
else await serve();

async function serve() {
  const port = values.port === undefined ? PORT : Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new Error(`--port: expected a whole number from 0 to 65535, got ${values.port}`);
  }
  const { url, close } = await serveDemo({ port, host: values.host, orFree: values.port === undefined });
  console.log(`The demo is at ${url}\nCtrl-C ends it.`);
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => close().then(() => process.exit(0)));
}

async function writeFolder(out) {
  const kept = await readdir(out).catch(() => []);
  if (kept.length > 0 && !kept.includes("service-worker.js")) {
    throw new Error(`--out: ${out} holds something else than a built demo; give an empty folder`);
  }
  const builder = await demoBuilder({ minify: true });
  const files = await builder.build();
  await builder.dispose();
  let bytes = 0;
  for (const [path, contents] of files) {
    const target = join(out, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, contents);
    bytes += contents.length;
  }
  console.log(`Wrote ${files.size} files, ${(bytes / 2 ** 20).toFixed(1)} MiB, to ${out}`);
}
