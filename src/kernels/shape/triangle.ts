import triangleSource from "../../../shaders/shape/triangle.wgsl";
import { defineKernel, listVariants } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { contiguous } from "../copy.ts";
import { gridOf, launch, output } from "../launch.ts";
import { mergeAxes, twoVectors } from "../strided.ts";
import { fitsBinding, forFlatWindows } from "../windows.ts";

const HALF = { T: "f16", enable: "f16" };

const triangleKernel = defineKernel({
  name: "triangle",
  source: triangleSource,
  bindings: { x: "read", y: "read_write" },
  params: {
    shape0: "vec4<u32>",
    shape1: "vec4<u32>",
    xStrides0: "vec4<u32>",
    xStrides1: "vec4<u32>",
    count: "u32",
    begin: "u32",
    xBegin: "u32",
    rank: "u32",
    rows: "u32",
    columns: "u32",
    diagonal: "i32",
    isUpper: "u32",
    xOffset: "u32",
    yOffset: "u32",
  },
});
listVariants(triangleKernel, () => [HALF]);

/** Keeps what lies on one side of a diagonal of the last two axes, the diagonal included. */
export function triangle(op: string, x: Tensor, diagonal: number, isUpper: boolean): Tensor {
  const y = output(op, x, x.shape);
  if (y.size === 0) return y;
  const [rows, columns] = x.shape.slice(-2);
  const variant = triangleKernel.variant(x.dtype === "f16" ? HALF : {});
  const part = (source: Tensor, target: Tensor, count: number, begin: number, xBegin: number): void => {
    const { shape, strides } = mergeAxes(op, source.shape, [source.strides]);
    const params = {
      ...twoVectors("shape", shape),
      ...twoVectors("xStrides", strides[0]),
      count,
      begin,
      xBegin,
      rank: shape.length,
      rows,
      columns,
      // No diagonal lies further out than the matrix does.
      diagonal: Math.min(Math.max(diagonal, -rows - 1), columns + 1),
      isUpper: isUpper ? 1 : 0,
    };
    launch(op, variant, [source, target], params, gridOf(count));
  };
  if (fitsBinding(x)) {
    forFlatWindows([y], ([target], count, begin) => part(x, target, count, begin, 0));
  } else {
    forFlatWindows([contiguous(x), y], ([source, target], count, begin) => part(source, target, count, begin, begin));
  }
  return y;
}
