import * as api from "../../../../src/autograd/index.ts";
import type { Tensor } from "../../../../src/tensor/index.ts";
import { NotApplicableError } from "../cases.ts";
import { allAxes, filled, hostTensor, normalizedAxes } from "../compose.ts";
import type { Node, OperatorTable } from "../node.ts";
import { type ResampleMode, resampleAxis } from "../resample.ts";

interface Geometry {
  axis: number;
  length: number;
  /** Output over input length, as given. */
  scale: number;
  size: number;
  /** Part of the input that is looked at, as fractions of its length. */
  roi?: [begin: number, end: number];
}

/** The axes that are resized, with their scales or sizes, of which one is given. */
function geometryOf(node: Node, x: Tensor): Geometry[] {
  const axes = normalizedAxes(node.numbers("axes") ?? allAxes(x), x.rank);
  const roi = node.host(1);
  const scales = node.host(2);
  const sizes = node.host(3);
  const regions = axes.map((_, i): [number, number] | undefined =>
    roi && roi.length > 0 ? [roi[i], roi[i + axes.length]] : undefined,
  );
  if (scales && scales.length > 0) {
    return axes.map((axis, i) => {
      const length = x.shape[axis];
      return { axis, length, scale: scales[i], size: Math.floor(length * scales[i]), roi: regions[i] };
    });
  }
  const policy = node.text("keep_aspect_ratio_policy", "stretch");
  const ratios = axes.map((axis, i) => sizes![i] / x.shape[axis]);
  const kept = policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
  return axes.map((axis, i) => {
    const length = x.shape[axis];
    if (policy === "stretch") return { axis, length, scale: ratios[i], size: sizes![i], roi: regions[i] };
    return { axis, length, scale: kept, size: Math.floor(kept * length + 0.5), roi: regions[i] };
  });
}

/** Where in the input an output's centre lies. */
function placeOf(mode: string, { length, scale, size, roi }: Geometry): (output: number) => number {
  const exact = length * scale;
  switch (mode) {
    case "half_pixel":
      return (o) => (o + 0.5) / scale - 0.5;
    case "half_pixel_symmetric":
      return (o) => (length / 2) * (1 - size / exact) + (o + 0.5) / scale - 0.5;
    case "pytorch_half_pixel":
      return (o) => (exact === 1 ? -0.5 : (o + 0.5) / scale - 0.5);
    case "align_corners":
      return (o) => (exact === 1 ? 0 : (o * (length - 1)) / (exact - 1));
    case "asymmetric":
      return (o) => o / scale;
    case "tf_crop_and_resize": {
      const [begin, end] = roi!;
      const middle = ((end - begin) * (length - 1)) / 2;
      const step = ((end - begin) * (length - 1)) / (exact - 1);
      return (o) => begin * (length - 1) + (exact === 1 ? middle : o * step);
    }
    default:
      throw new NotApplicableError(`coordinates by ${mode}`);
  }
}

const ROUNDINGS: Readonly<Record<string, (place: number) => number>> = {
  round_prefer_floor: (place) => Math.ceil(place - 0.5),
  round_prefer_ceil: (place) => Math.floor(place + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

function resize(node: Node): Tensor {
  const x = node.input(0);
  const mode = node.text("mode", "nearest") as ResampleMode;
  const coordinates = node.text("coordinate_transformation_mode", "half_pixel");
  const geometry = geometryOf(node, x);
  const own = byInterpolate(x, mode, coordinates, node, geometry);
  if (own) return own;
  const antialias = node.flag("antialias", false);
  const y = geometry.reduce((current, axis) => {
    const place = placeOf(coordinates, axis);
    if (axis.size === axis.length && axis.scale === 1 && coordinates !== "tf_crop_and_resize") return current;
    return resampleAxis(current, {
      axis: axis.axis,
      size: axis.size,
      mode,
      place,
      round: ROUNDINGS[node.text("nearest_mode", "round_prefer_floor")],
      cubic: node.number("cubic_coeff_a", -0.75),
      excludeOutside: node.flag("exclude_outside", false),
      support: antialias ? Math.max(1, 1 / axis.scale) : 1,
    });
  }, x);
  return coordinates === "tf_crop_and_resize" ? extrapolated(y, node.number("extrapolation_value", 0), geometry) : y;
}

/** By our own op, where it means the same: images, linear by half pixels or aligned corners, nearest by whole factors. */
function byInterpolate(
  x: Tensor,
  mode: ResampleMode,
  coordinates: string,
  node: Node,
  geometry: Geometry[],
): Tensor | null {
  if (x.rank !== 4 || node.flag("antialias", false) || node.flag("exclude_outside", false)) return null;
  const changed = geometry.filter(({ axis, scale }) => axis >= 2 || scale !== 1);
  if (changed.some(({ axis, length, scale, size }) => axis < 2 || size !== length * scale)) return null;
  const lengthOf = (axis: number): number => changed.find((other) => other.axis === axis)?.size ?? x.shape[axis];
  const size = [lengthOf(2), lengthOf(3)] as const;
  const isWhole = changed.every(({ scale }) => Number.isInteger(scale));
  if (mode === "linear" && (coordinates === "half_pixel" || coordinates === "align_corners")) {
    return api.interpolate(x, { size, mode: "bilinear", alignCorners: coordinates === "align_corners" });
  }
  const isFloor = coordinates === "half_pixel" || node.text("nearest_mode", "") === "floor";
  if (mode !== "nearest" || !isWhole || !isFloor || !["half_pixel", "asymmetric"].includes(coordinates)) return null;
  return coordinates === "half_pixel" && node.has("nearest_mode")
    ? null
    : api.interpolate(x, { size, mode: "nearest" });
}

/** What was looked for outside of the input is a given value. */
function extrapolated(y: Tensor, value: number, geometry: readonly Geometry[]): Tensor {
  return geometry.reduce((current, axis) => {
    const place = placeOf("tf_crop_and_resize", axis);
    const isOutside = Array.from({ length: axis.size }, (_, o) => (place(o) < 0 || place(o) > axis.length - 1 ? 1 : 0));
    const mask = hostTensor(
      isOutside,
      allAxes(y).map((other) => (other === axis.axis ? axis.size : 1)),
      "bool",
    );
    return api.where(mask, filled([], value), current);
  }, y);
}

export const resizeOperators: OperatorTable = {
  Resize: resize,
  Upsample: (node) => {
    const x = node.input(0);
    const scales = node.numbers("scales") ?? node.host(1)!;
    const mode = node.text("mode", "nearest") === "nearest" ? "nearest" : "linear";
    return scales.reduce((current, scale, axis) => {
      if (scale === 1) return current;
      return resampleAxis(current, { axis, size: Math.floor(x.shape[axis] * scale), mode, place: (o) => o / scale });
    }, x);
  },
};
