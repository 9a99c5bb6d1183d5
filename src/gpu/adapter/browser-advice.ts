// What can be done in which browser to get WebGPU. The file of the core for a CDN has the advice that holds in all of them
// instead, see scripts/build/library.mjs.

type Name = "Chrome" | "Edge" | "Firefox" | "Safari" | "unknown";
type System = "windows" | "macos" | "linux" | "android" | "ios" | "unknown";

export interface Browser {
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

/** @param isTouched whether the screen is */
export function browserOf(agent: string, isTouched: boolean): Browser {
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

/** What helps where a browser has no WebGPU. */
export function stepsWithout(browser: Browser): string[] {
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

/** What helps where a browser finds no adapter. */
export function stepsWithoutAdapter({ name, system }: Browser): string[] {
  const scheme = name === "Edge" ? "edge" : "chrome";
  const isChromium = name === "Chrome" || name === "Edge";
  return [
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
}
