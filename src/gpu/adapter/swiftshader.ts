import { userCache } from "../user-cache.ts";

/**
 * SwiftShader, a Vulkan driver that runs on the processor, as the npm package `@sparticuz/chromium` carries it for
 * Linux x64. It makes a machine with neither a GPU nor a Vulkan driver work. Used by the Node adapter only.
 */

/** Where the three files of the driver lie on this machine. */
export interface SwiftShaderFiles {
  /** The Vulkan loader, for a machine that has none. */
  loader: string;
  /** The description of the driver that a Vulkan loader reads; it names the driver's library beside it. */
  icd: string;
}

/** The packed driver inside the installed npm package. */
export interface SwiftShaderArchive {
  path: string;
  /** Version of the npm package. */
  version: string;
}

const PACKAGE = "@sparticuz/chromium";
const LOADER = "libvulkan.so.1";
const ICD = "vk_swiftshader_icd.json";
const FILES = [LOADER, "libvk_swiftshader.so", ICD];
const SIZES = "sizes.json";

/** Finds the packed driver in the `node_modules` folders above this file; null when the package is not installed. */
export async function findSwiftShaderArchive(): Promise<SwiftShaderArchive | null> {
  const [{ createRequire }, { readFile, access }, { join }] = await Promise.all([
    import("node:module"),
    import("node:fs/promises"),
    import("node:path"),
  ]);
  // The package exports its code alone, so its data file is found by folder and not through its exports.
  for (const folder of createRequire(import.meta.url).resolve.paths(PACKAGE) ?? []) {
    const path = join(folder, PACKAGE, "bin", "swiftshader.tar.br");
    try {
      await access(path);
      const { version } = JSON.parse(await readFile(join(folder, PACKAGE, "package.json"), "utf8"));
      return { path, version };
    } catch {
      // Not in this folder: the next one is asked.
    }
  }
  return null;
}

/** The folder of this user for files that can be made again; under the temporary folder when home cannot be written. */
export async function userCacheFolder(): Promise<string> {
  const [{ mkdir, access, lstat, constants }, { tmpdir, userInfo }, { join }] = await Promise.all([
    import("node:fs/promises"),
    import("node:os"),
    import("node:path"),
  ]);
  const home = userCache(process.env);
  try {
    await mkdir(home, { recursive: true });
    await access(home, constants.W_OK);
    return home;
  } catch {
    const { uid } = userInfo();
    const shared = join(tmpdir(), `graft-${uid}`);
    await mkdir(shared, { mode: 0o700 }).catch(() => {});
    const state = await lstat(shared);
    // Code is loaded from here: in a folder open to everybody, another user could have put it there.
    if (!state.isDirectory() || state.uid !== uid || (state.mode & 0o022) !== 0) {
      throw new Error(`${shared} is not a folder that only this user can write`);
    }
    return shared;
  }
}

/**
 * Unpacks the driver into `cacheFolder`, once for each version of the package.
 *
 * Several processes may do this at the same moment: each unpacks into a folder of its own, and the first to rename it
 * into place wins. A copy in which a file is missing or has another size is replaced.
 */
export async function unpackSwiftShader(archive: SwiftShaderArchive, cacheFolder: string): Promise<SwiftShaderFiles> {
  const [{ readFile, writeFile, mkdir, mkdtemp, rename, rm }, { join }, { promisify }, { brotliDecompress }] =
    await Promise.all([import("node:fs/promises"), import("node:path"), import("node:util"), import("node:zlib")]);
  const folder = join(cacheFolder, `swiftshader-${archive.version}`);
  const files = { loader: join(folder, LOADER), icd: join(folder, ICD) };
  if (await isComplete(folder)) return files;

  const packed = readTar(await promisify(brotliDecompress)(await readFile(archive.path)));
  await mkdir(cacheFolder, { recursive: true });
  const fresh = await mkdtemp(join(cacheFolder, "unpacking-"));
  try {
    const sizes: Record<string, number> = {};
    for (const name of FILES) {
      const bytes = packed.get(name);
      if (!bytes) throw new Error(`${archive.path} has no file ${name}`);
      await writeFile(join(fresh, name), bytes);
      sizes[name] = bytes.length;
    }
    await writeFile(join(fresh, SIZES), JSON.stringify(sizes));
    for (let attempt = 1; ; attempt++) {
      try {
        await rename(fresh, folder);
        return files;
      } catch (error) {
        if (await isComplete(folder)) return files;
        if (attempt === 5) throw error;
        // A damaged copy is moved aside whole, so that no process ever sees a mixture of two.
        const damaged = `${fresh}-damaged-${attempt}`;
        await rename(folder, damaged).catch(() => {});
        await rm(damaged, { recursive: true, force: true });
      }
    }
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/** Whether every file of an unpacked driver is there in the size it had in the archive. */
async function isComplete(folder: string): Promise<boolean> {
  const [{ readFile, stat }, { join }] = await Promise.all([import("node:fs/promises"), import("node:path")]);
  try {
    const sizes = JSON.parse(await readFile(join(folder, SIZES), "utf8"));
    for (const name of FILES) {
      if ((await stat(join(folder, name))).size !== sizes[name]) return false;
    }
    return true;
  } catch {
    return false;
  }
}

const BLOCK = 512;

/**
 * The regular files of a tar archive (POSIX.1-1988 ustar) by name, as views into `bytes`.
 *
 * @throws Error naming the byte, on a header whose checksum is wrong and on a file that reaches past the end.
 */
export function readTar(bytes: Uint8Array): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const text = (start: number, length: number) => {
    const field = bytes.subarray(start, start + length);
    const end = field.indexOf(0);
    return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
  };
  for (let at = 0; at + BLOCK <= bytes.length && bytes[at] !== 0; ) {
    let checksum = 0;
    for (let i = 0; i < BLOCK; i++) checksum += i >= 148 && i < 156 ? 32 : bytes[at + i];
    if (Number.parseInt(text(at + 148, 8), 8) !== checksum) throw new Error(`tar: bad header checksum at byte ${at}`);
    const name = text(at, 100);
    const size = Number.parseInt(text(at + 124, 12), 8);
    const start = at + BLOCK;
    if (!(start + size <= bytes.length)) {
      throw new Error(`tar: ${name} at byte ${at} has ${size} bytes, the archive ends at byte ${bytes.length}`);
    }
    const kind = bytes[at + 156];
    if (kind === 0 || kind === 48) files.set(name, bytes.subarray(start, start + size));
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}
