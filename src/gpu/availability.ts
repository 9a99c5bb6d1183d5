import { GpuError } from "./errors.ts";

/** Why a browser cannot run the engine, in words for the person before it. */
export interface WebGpuProblem {
  readonly kind: "insecure-context" | "no-webgpu" | "no-adapter" | "small-limits";
  readonly title: string;
  readonly text: string;
  /** What can be done, one thing a line; the first is the most likely to help. */
  readonly steps: readonly string[];
}

/** A browser that cannot open a GPU. `problem` says why, and what to do. */
export class WebGpuUnavailableError extends GpuError {
  override name = "WebGpuUnavailableError";
  constructor(readonly problem: WebGpuProblem) {
    super(`${problem.title}: ${problem.text} ${problem.steps.join(" ")}`);
  }
}

/** What is looked at: a page's or a worker's global object. */
export interface WebGpuSurroundings {
  readonly isSecureContext?: boolean;
  readonly navigator?: {
    readonly gpu?: Pick<GPU, "requestAdapter">;
    readonly userAgent?: string;
    readonly maxTouchPoints?: number;
  };
}

/** Smallest limits that the kernels are written for: those that WebGPU guarantees. */
const NEEDED_LIMITS = {
  maxBufferSize: 2 ** 28,
  maxStorageBufferBindingSize: 2 ** 27,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupStorageSize: 2 ** 14,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupsPerDimension: 2 ** 16 - 1,
} as const satisfies Partial<Record<keyof GPUSupportedLimits, number>>;

/** Whether this is a page or a worker of a browser, and not Node or another runtime of servers. */
export const isInBrowser = (): boolean => "document" in globalThis || "WorkerGlobalScope" in globalThis;

/**
 * Looks whether a GPU can be opened here: null when it can. Else it says which browser, which setting or which limit is
 * missing, and what to do. For pages and workers; in Node `Gpu.open` itself says what is missing.
 *
 * @example
 * const problem = await describeWebGpuProblem();
 * if (problem) page.append(problem.title, problem.text, ...problem.steps);
 */
export async function describeWebGpuProblem(
  surroundings: WebGpuSurroundings = globalThis as WebGpuSurroundings,
): Promise<WebGpuProblem | null> {
  const { isSecureContext, navigator } = surroundings;
  if (isSecureContext === false) return INSECURE;
  const browser = browserOf(navigator?.userAgent ?? "", (navigator?.maxTouchPoints ?? 0) > 1);
  if (!navigator?.gpu) {
    return {
      kind: "no-webgpu",
      title: "This browser has no WebGPU",
      text: "The model is trained on your graphics card, which a page reaches through WebGPU alone.",
      steps: stepsWithout(browser),
    };
  }
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" }).catch(() => null);
  return adapter ? describeSmallLimits(adapter.limits) : noAdapter(browser);
}

const INSECURE: WebGpuProblem = {
  kind: "insecure-context",
  title: "This address is not secure",
  text: "Browsers offer WebGPU only to pages that come over https, or from the same machine.",
  steps: ["Open the page with https:// in place of http://.", "On your own machine, open it as http://localhost."],
};

/** The problem of an adapter with smaller limits than the kernels need; null when there is none. */
export function describeSmallLimits(limits: Readonly<Partial<Record<string, number>>> | GPUSupportedLimits) {
  const small = Object.entries(NEEDED_LIMITS).flatMap(([name, needed]) => {
    const has = (limits as Record<string, number | undefined>)[name] ?? 0;
    return has < needed ? [`${name} is ${has}, and ${needed} is needed`] : [];
  });
  if (small.length === 0) return null;
  return {
    kind: "small-limits",
    title: "This graphics card allows too little",
    text: `Its limits are smaller than those that WebGPU guarantees: ${small.join("; ")}.`,
    steps: [
      "Update the graphics driver and the browser.",
      "If the machine has two graphics cards, let the browser use the faster one.",
    ],
  } satisfies WebGpuProblem;
}

type Name = "Chrome" | "Edge" | "Firefox" | "Safari" | "unknown";
type System = "windows" | "macos" | "linux" | "android" | "ios" | "unknown";

interface Browser {
  readonly name: Name;
  readonly version: number;
  readonly system: System;
}

/** Names that browsers give themselves; the first that is found counts, since each names those before it, too. */
const BROWSERS: readonly [Name, RegExp][] = [
  ["Firefox", /Firefox\/(\d+)/],
  ["Edge", /Edg(?:A|iOS)?\/(\d+)/],
  ["Chrome", /Chrom(?:e|ium)\/(\d+)/],
  ["Safari", /Version\/(\d+).*Safari\//],
];

const SYSTEMS: readonly [System, RegExp][] = [
  ["ios", /iPhone|iPad|iPod/],
  ["android", /Android/],
  ["windows", /Windows/],
  ["macos", /Mac/],
  ["linux", /Linux|CrOS/],
];

function browserOf(agent: string, isTouched: boolean): Browser {
  const said = SYSTEMS.find(([, pattern]) => pattern.test(agent))?.[0] ?? "unknown";
  // An iPad calls itself a Macintosh; no Macintosh has a screen that is touched.
  const system = said === "macos" && isTouched ? "ios" : said;
  for (const [name, pattern] of BROWSERS) {
    const found = pattern.exec(agent);
    if (found) return { name, version: Number(found[1]), system };
  }
  return { name: "unknown", version: 0, system };
}

const BROWSERS_THAT_HAVE_IT =
  "Open the page in Chrome or Edge 113 or newer, Safari 26 or newer, or Firefox 141 or newer (on a Mac 145 or newer).";
const LINUX_FLAGS = (scheme: string): string =>
  `On Linux, open ${scheme}://flags, switch on “Unsafe WebGPU Support” and “Vulkan”, and restart the browser; or start it ` +
  "with --enable-unsafe-webgpu --enable-features=Vulkan.";

/** First versions with WebGPU on by default. */
function firstVersion({ name, system }: Browser): number {
  if (name === "Firefox") return system === "macos" ? 145 : 141;
  if (name === "Safari") return 26;
  return system === "android" ? 121 : 113;
}

function stepsWithout(browser: Browser): string[] {
  const { name, version, system } = browser;
  if (system === "ios") {
    return [
      "On an iPhone or iPad, update to iOS 26 or iPadOS 26 or newer; every browser there has WebGPU from then on.",
    ];
  }
  const first = firstVersion(browser);
  if (name === "unknown") return [BROWSERS_THAT_HAVE_IT];
  if (name === "Firefox" && system === "android") {
    return ["Switch on dom.webgpu.enabled in about:config of Firefox Nightly.", "Or open the page in Chrome."];
  }
  if (version < first) {
    return [`${name} ${version} is too old: update it to version ${first} or newer.`, BROWSERS_THAT_HAVE_IT];
  }
  if (name === "Firefox") return ["Switch on dom.webgpu.enabled in about:config.", BROWSERS_THAT_HAVE_IT];
  if (name === "Safari") return ["Switch on WebGPU in Settings, Feature Flags.", BROWSERS_THAT_HAVE_IT];
  const scheme = name === "Edge" ? "edge" : "chrome";
  return system === "linux"
    ? [LINUX_FLAGS(scheme), BROWSERS_THAT_HAVE_IT]
    : [`Open ${scheme}://gpu and see why WebGPU is switched off.`, BROWSERS_THAT_HAVE_IT];
}

function noAdapter({ name, system }: Browser): WebGpuProblem {
  const scheme = name === "Edge" ? "edge" : "chrome";
  const isChromium = name === "Chrome" || name === "Edge";
  const steps = [
    "Switch on hardware acceleration in the browser's settings, and restart it.",
    ...(isChromium && system === "linux" ? [LINUX_FLAGS(scheme)] : []),
    ...(isChromium ? [`${scheme}://gpu says why the graphics card is blocked; a newer driver often helps.`] : []),
    ...(isChromium
      ? [
          "Without a graphics card: start the browser with --enable-unsafe-webgpu --use-webgpu-adapter=swiftshader (slow).",
        ]
      : ["Update the graphics driver."]),
    ...(name === "Firefox"
      ? ["about:support says why it is blocked; gfx.webgpu.ignore-blocklist in about:config lets it in."]
      : []),
  ];
  return {
    kind: "no-adapter",
    title: "The browser found no graphics card",
    text: "It knows WebGPU, but has no adapter for it: the graphics card or its driver is blocked, or there is none.",
    steps,
  };
}
