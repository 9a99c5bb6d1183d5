import exponential from "../../shaders/lib/exponential.wgsl";
import extrema from "../../shaders/lib/extrema.wgsl";
import float from "../../shaders/lib/float.wgsl";
import gaussian from "../../shaders/lib/gaussian.wgsl";
import logarithm from "../../shaders/lib/logarithm.wgsl";
import logarithmOfOnePlus from "../../shaders/lib/logarithm-of-one-plus.wgsl";
import normal from "../../shaders/lib/normal.wgsl";
import power from "../../shaders/lib/power.wgsl";
import reciprocal from "../../shaders/lib/reciprocal.wgsl";
import rounding from "../../shaders/lib/rounding.wgsl";
import threefry from "../../shaders/lib/threefry.wgsl";
import trigonometric from "../../shaders/lib/trigonometric.wgsl";
import wholePower from "../../shaders/lib/whole-power.wgsl";
import { shareText } from "../gpu/index.ts";

/** A file of functions that several kernels share. */
export interface LibraryFile {
  readonly name: string;
  /** The files whose functions it calls. */
  readonly needs: readonly LibraryFile[];
}

/* @__NO_SIDE_EFFECTS__ */ function libraryFile(name: string, text: string, ...needs: LibraryFile[]): LibraryFile {
  shareText(name, text);
  return { name, needs };
}

export const FLOAT = libraryFile("float", float);
export const EXTREMA = libraryFile("extrema", extrema, FLOAT);
export const ROUNDING = libraryFile("rounding", rounding, FLOAT);
export const RECIPROCAL = libraryFile("reciprocal", reciprocal, FLOAT);
export const EXPONENTIAL = libraryFile("exponential", exponential, FLOAT);
export const LOGARITHM = libraryFile("logarithm", logarithm, FLOAT);
export const LOGARITHM_OF_ONE_PLUS = libraryFile("logarithmOfOnePlus", logarithmOfOnePlus, LOGARITHM);
export const POWER = libraryFile("power", power, EXPONENTIAL, RECIPROCAL);
export const WHOLE_POWER = libraryFile("wholePower", wholePower);
export const GAUSSIAN = libraryFile("gaussian", gaussian, EXPONENTIAL);
export const TRIGONOMETRIC = libraryFile("trigonometric", trigonometric, FLOAT);
export const NORMAL = libraryFile("normal", normal);
export const THREEFRY = libraryFile("threefry", threefry);

/** The part of a specialisation that includes some files of the library and what these need, each once. */
/* @__NO_SIDE_EFFECTS__ */ export function including(...files: readonly LibraryFile[]): { include?: string } {
  const found = new Set<string>();
  const visit = ({ name, needs }: LibraryFile): void => {
    needs.forEach(visit);
    found.add(name);
  };
  files.forEach(visit);
  return found.size > 0 ? { include: [...found].join(" ") } : {};
}
