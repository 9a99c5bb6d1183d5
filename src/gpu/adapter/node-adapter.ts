import { GpuError } from "../errors.ts";
import { findSwiftShaderArchive, type SwiftShaderFiles, unpackSwiftShader, userCacheFolder } from "./swiftshader.ts";

/** One place where an adapter was looked for, and what was found there. */
export interface AdapterAttempt {
  what: string;
  result: string;
}

/** Which implementation of WebGPU answered: this machine's own driver, SwiftShader from npm, or Dawn's null backend. */
export type AdapterSource = "system" | "swiftshader" | "null";

/** An adapter in Node, and where it was found. */
export interface NodeAdapter {
  gpu: GPU;
  adapter: GPUAdapter;
  source: AdapterSource;
  attempts: AdapterAttempt[];
}

/** How to look for an adapter in Node. */
export interface NodeAdapterOptions {
  /** Takes SwiftShader even where the machine has an adapter of its own. */
  software?: boolean;
  /** Dawn's null backend: checks and compiles WGSL against the default limits, and executes nothing. */
  backend?: "null";
  /** Allows Dawn's unsafe features, of which subgroup matrices are one. */
  subgroupMatrices?: boolean;
}

/** No adapter was found. `attempts` says where it was looked for, `remedies` what to do about it. */
export class AdapterNotFoundError extends GpuError {
  override name = "AdapterNotFoundError";
  readonly attempts: readonly AdapterAttempt[];
  readonly remedies: readonly string[];

  constructor(attempts: readonly AdapterAttempt[], remedies: readonly string[]) {
    const tried = attempts.map(({ what, result }) => `${what}: ${result}`).join("; ");
    const remedy = remedies.length > 0 ? `\nRemedy: ${remedies.join("; or ")}` : "";
    super(`No WebGPU adapter was found (${tried}).${remedy}`);
    this.attempts = attempts;
    this.remedies = remedies;
  }
}

/** Dawn rounds timestamps to 100 µs, against spying by web pages; here that would only hide what a kernel takes. */
const DAWN_OPTIONS = ["disable-dawn-features=timestamp_quantization"];
const UNSAFE_OPTION = "enable-dawn-features=allow_unsafe_apis";

type Create = (options: string[]) => GPU;
type Found = Pick<NodeAdapter, "gpu" | "adapter">;

/** What a search has seen so far, and what would have helped it. */
interface Search {
  /** Options of Dawn besides those it always has. */
  extra: readonly string[];
  attempts: AdapterAttempt[];
  remedies: string[];
}

/** Whether a library is in the process, and if not, why. */
interface Loaded {
  resident: boolean;
  reason: string;
}

/**
 * Finds a WebGPU adapter in Node through the npm package `webgpu` (Dawn): the machine's own first, and SwiftShader
 * from npm's `@sparticuz/chromium` where there is none (Linux x64).
 *
 * Nothing is left on `globalThis` or in `process.env`.
 *
 * @throws {AdapterNotFoundError} when there is none.
 */
export async function findNodeAdapter(options: NodeAdapterOptions = {}): Promise<NodeAdapter> {
  const extra = options.subgroupMatrices ? [UNSAFE_OPTION] : [];
  const search: Search = { extra, attempts: [], remedies: [] };
  const source = options.backend ?? (options.software ? "swiftshader" : "system");
  const create = await loadDawn(search);
  if (create && source === "null") {
    const found = await requestAdapter(search, "Dawn's null backend", create, "null");
    if (found) return { ...found, source, attempts: search.attempts };
  }
  if (create && source === "system") {
    const found = await findSystemAdapter(search, create);
    if (found) return { ...found, source, attempts: search.attempts };
  }
  if (create && source !== "null") {
    const found = await findSwiftShader(search, create);
    if (found) return { ...found, source: "swiftshader", attempts: search.attempts };
  }
  if (create && source === "system") search.remedies.push(...driverRemedies());
  throw new AdapterNotFoundError(search.attempts, search.remedies);
}

async function loadDawn(search: Search): Promise<Create | null> {
  const what = "npm package webgpu";
  try {
    return (await import("webgpu")).create;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const missing = code === "ERR_MODULE_NOT_FOUND";
    search.attempts.push({ what, result: missing ? "not installed" : firstLine(message) });
    search.remedies.push(
      missing
        ? "npm install webgpu"
        : `a platform that webgpu is built for (linux, darwin or win32; this is ${process.platform} on ${process.arch})`,
    );
    return null;
  }
}

async function findSystemAdapter(search: Search, create: Create): Promise<Found | null> {
  const what = "this machine's adapter";
  const environment: Record<string, string> = {};
  if (process.platform === "linux") {
    // Asked first because Dawn prints warnings of its own where there is no Vulkan loader.
    const { resident, reason } = await findMachineLoader();
    if (!resident) {
      search.attempts.push({ what, result: `no Vulkan loader (${reason})` });
      return null;
    }
    // Mesa's software driver complains on stderr when it is not set.
    if (!process.env.XDG_RUNTIME_DIR) environment.XDG_RUNTIME_DIR = (await import("node:os")).tmpdir();
  }
  return requestAdapter(search, what, create, "system", environment);
}

async function findSwiftShader(search: Search, create: Create): Promise<Found | null> {
  const what = "SwiftShader from npm's @sparticuz/chromium";
  const fail = (result: string, remedy?: string) => {
    search.attempts.push({ what, result });
    if (remedy) search.remedies.push(remedy);
    return null;
  };
  if (process.platform !== "linux" || process.arch !== "x64") {
    return fail(`built for linux on x64, this is ${process.platform} on ${process.arch}`);
  }
  const archive = await findSwiftShaderArchive();
  if (!archive) return fail("not installed", "npm install @sparticuz/chromium");
  let files: SwiftShaderFiles;
  try {
    files = await unpackSwiftShader(archive, await userCacheFolder());
  } catch (error) {
    return fail(
      `cannot be unpacked: ${firstLine((error as Error).message)}`,
      "set XDG_CACHE_HOME to a folder that can be written",
    );
  }
  // A machine without a Vulkan loader gets the one that the package brings.
  if (!(await findMachineLoader()).resident) {
    const { resident, reason } = await makeResident(files.loader);
    if (!resident) return fail(`its Vulkan loader cannot be loaded: ${reason}`);
  }
  const environment = { VK_ICD_FILENAMES: files.icd, VK_DRIVER_FILES: files.icd };
  const found = await requestAdapter(search, what, create, "swiftshader", environment);
  if (found?.adapter.info.architecture === "swiftshader") return found;

  // The Vulkan loader did not see the environment, so that whatever else there is has answered.
  search.attempts.pop();
  instances.delete(instanceKey("swiftshader", search));
  const { isMainThread } = await import("node:worker_threads");
  return isMainThread
    ? fail("the Vulkan loader does not take the driver")
    : fail(
        "the Vulkan loader cannot see a worker thread's own environment",
        "start the worker with new Worker(file, { env: SHARE_ENV })",
      );
}

/** What is known of this machine's Vulkan loader: asked once, since afterwards the one from npm answers to its name. */
let machineLoader: Promise<Loaded> | undefined;

function findMachineLoader(): Promise<Loaded> {
  machineLoader ??= makeResident("libvulkan.so.1");
  return machineLoader;
}

/**
 * Loads a shared library that is no Node addon, so that Dawn's own dlopen by the same name finds it in the process.
 *
 * Node refuses such a library after it has loaded it ("Module did not self-register") and closes it again; with
 * RTLD_NODELETE it stays. This spares setting LD_LIBRARY_PATH, which the linker reads only at the start of a process.
 */
async function makeResident(library: string): Promise<Loaded> {
  const { constants } = await import("node:os");
  const RTLD_NODELETE = 0x1000;
  try {
    process.dlopen({ exports: {} }, library, constants.dlopen.RTLD_NOW | RTLD_NODELETE);
    return { resident: true, reason: "" };
  } catch (error) {
    const { message } = error as Error;
    return { resident: message.includes("did not self-register"), reason: firstLine(message) };
  }
}

/**
 * Dawn's instances, one of each kind, kept to the end of the process: a device that is used after its instance was
 * garbage collected crashes Node, and every new instance costs 2 MB. They do not keep Node from exiting.
 */
const instances = new Map<string, GPU>();
const instanceKey = (source: AdapterSource, { extra }: Search): string => [source, ...extra].join();

/**
 * Asks Dawn for an adapter with environment variables that hold for this one call. Dawn opens the driver, which reads
 * them, before `requestAdapter` returns its promise; so they are put back before anything else can run.
 */
async function requestAdapter(
  search: Search,
  what: string,
  create: Create,
  source: AdapterSource,
  environment: Record<string, string> = {},
): Promise<Found | null> {
  const before = Object.keys(environment).map((key) => [key, process.env[key]] as const);
  const key = instanceKey(source, search);
  let result = "none";
  try {
    let gpu: GPU;
    let request: Promise<GPUAdapter | null>;
    Object.assign(process.env, environment);
    try {
      const own = source === "null" ? ["backend=null"] : DAWN_OPTIONS;
      gpu = instances.get(key) ?? create([...own, ...search.extra]);
      instances.set(key, gpu);
      request = gpu.requestAdapter({ powerPreference: "high-performance" });
    } finally {
      for (const [key, value] of before) {
        if (value === undefined) delete process.env[key];
        else process.env[key] = value;
      }
    }
    const adapter = await request;
    if (adapter) {
      const { description, device, vendor } = adapter.info;
      search.attempts.push({ what, result: description || device || vendor || "found" });
      return { gpu, adapter };
    }
  } catch (error) {
    result = firstLine((error as Error).message);
  }
  // An instance looks for drivers once, and a later call is to look again.
  instances.delete(key);
  search.attempts.push({ what, result });
  return null;
}

/** What gives this platform an adapter of its own. */
function driverRemedies(): string[] {
  if (process.platform === "darwin") return ["macOS 11 or later, which brings Metal"];
  if (process.platform === "win32") return ["install the driver of the GPU's maker (Direct3D 12 or Vulkan)"];
  const lavapipe =
    "Mesa 23.1 or later with its software driver lavapipe (on Debian 12: " +
    "apt-get install -t bookworm-backports mesa-vulkan-drivers)";
  return [...(process.platform === "linux" ? [lavapipe] : []), "install the GPU's Vulkan driver"];
}

function firstLine(message: string): string {
  return message.split("\n", 1)[0];
}
