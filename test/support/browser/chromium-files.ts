import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";
import { findSwiftShaderArchive, readTar, userCacheFolder } from "../../../src/gpu/adapter/swiftshader.ts";

/** A Chromium on this machine, and what its processes must find in their environment. */
export interface ChromiumFiles {
  executablePath: string;
  environment: Record<string, string>;
}

/** Names the Chromium to use instead of the one from npm. */
export const CHROMIUM_VARIABLE = "GRAFT_CHROMIUM";

const unpack = promisify(brotliDecompress);

/**
 * The Chromium that tests run in: `installed` (by default what {@link CHROMIUM_VARIABLE} names), else the one that the
 * npm package `@sparticuz/chromium` carries, which needs nothing of the system but the C library.
 */
export async function findChromium(installed = process.env[CHROMIUM_VARIABLE]): Promise<ChromiumFiles> {
  if (installed) {
    if (!existsSync(installed)) throw new Error(`there is no Chromium at ${installed}`);
    return { executablePath: installed, environment: {} };
  }
  const archive = await findSwiftShaderArchive();
  if (!archive) throw new Error(`no Chromium: run npm ci, or name an installed one in ${CHROMIUM_VARIABLE}`);
  const folder = join(await userCacheFolder(), `chromium-${archive.version}`);
  if (!existsSync(folder)) await unpackChromium(dirname(archive.path), folder);
  const executablePath = join(folder, "chromium");
  const environment = { FONTCONFIG_PATH: folder };
  const ownLibraries = { ...environment, LD_LIBRARY_PATH: join(folder, "lib") };
  if (await starts(executablePath, environment)) return { executablePath, environment };
  // A bare Debian has no NSS; the package brings the one of Amazon's Linux, built for an older C library.
  if (await starts(executablePath, ownLibraries)) return { executablePath, environment: ownLibraries };
  throw new Error(`${executablePath} does not start: ${await complaint(executablePath, ownLibraries)}`);
}

/**
 * Unpacks the browser, its software drivers, its fonts and the libraries that a bare system lacks. Several processes may
 * do this at the same moment: each unpacks into a folder of its own, and the first to rename it into place wins.
 */
async function unpackChromium(packed: string, folder: string): Promise<void> {
  const fresh = await mkdtemp(`${folder}-unpacking-`);
  try {
    const read = async (name: string): Promise<Buffer> => unpack(await readFile(join(packed, name)));
    await writeFile(join(fresh, "chromium"), await read("chromium.br"), { mode: 0o755 });
    for (const name of ["swiftshader.tar.br", "fonts.tar.br", "al2023.tar.br"]) {
      for (const [path, bytes] of readTar(await read(name))) {
        await mkdir(dirname(join(fresh, path)), { recursive: true });
        await writeFile(join(fresh, path), bytes);
      }
    }
    // The package's own list of folders is made for cloud functions.
    await writeFile(join(fresh, "fonts.conf"), fontConfiguration(folder));
    await rename(fresh, folder).catch((error) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/** The same font everywhere, so that pages look alike on every machine. */
const fontConfiguration = (folder: string): string => `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${folder}/fonts</dir>
  <cachedir>${folder}/fonts-cache</cachedir>
</fontconfig>
`;

const run = (executablePath: string, environment: Record<string, string>) =>
  promisify(execFile)(executablePath, ["--version"], { env: { ...process.env, ...environment }, timeout: 60_000 });

const starts = (executablePath: string, environment: Record<string, string>): Promise<boolean> =>
  run(executablePath, environment).then(
    () => true,
    () => false,
  );

const complaint = (executablePath: string, environment: Record<string, string>): Promise<string> =>
  run(executablePath, environment).then(
    () => "",
    (error: Error & { stderr?: string }) => error.stderr || error.message,
  );
