import exponential from "../../shaders/lib/exponential.wgsl";
import float from "../../shaders/lib/float.wgsl";
import gaussian from "../../shaders/lib/gaussian.wgsl";
import logarithm from "../../shaders/lib/logarithm.wgsl";
import power from "../../shaders/lib/power.wgsl";
import threefry from "../../shaders/lib/threefry.wgsl";
import trigonometric from "../../shaders/lib/trigonometric.wgsl";
import wholePower from "../../shaders/lib/whole-power.wgsl";

/** Functions that several kernels share, by file. A kernel lists them as its `library`; its variants `include` some. */
export const LIBRARY = {
  float,
  exponential,
  logarithm,
  power,
  wholePower,
  gaussian,
  trigonometric,
  threefry,
} as const;

export type LibraryName = keyof typeof LIBRARY;

/** The files whose functions a file calls. */
const NEEDS: Record<LibraryName, readonly LibraryName[]> = {
  float: [],
  exponential: ["float"],
  logarithm: ["float"],
  power: ["exponential"],
  wholePower: [],
  gaussian: ["exponential"],
  trigonometric: ["float"],
  threefry: [],
};

/** The part of a specialisation that includes some files of the library and what these need, each once. */
/* @__NO_SIDE_EFFECTS__ */ export function including(...names: readonly LibraryName[]): { include?: string } {
  const found = new Set<LibraryName>();
  const visit = (name: LibraryName): void => {
    for (const needed of NEEDS[name]) visit(needed);
    found.add(name);
  };
  for (const name of names) visit(name);
  return found.size > 0 ? { include: [...found].join(" ") } : {};
}
