import { adaptiveAveragePool2d, averagePool2d, maxPool2d, reshape } from "../../autograd/index.ts";
import type { Shape, Tensor } from "../../tensor/index.ts";
import { Layer, requireSizes } from "./layer.ts";

/** Windows of a pooling layer, in pixels of its input. */
export interface Pool2dOptions {
  /** The kernel's length by default. */
  stride?: number;
  padding?: number;
  /** Whether a window that sticks out at the end counts. */
  ceilMode?: boolean;
}

abstract class Pool2d extends Layer {
  protected readonly options: Required<Pool2dOptions>;

  constructor(
    protected readonly kernel: number,
    { stride = kernel, padding = 0, ceilMode = false }: Pool2dOptions = {},
  ) {
    super();
    requireSizes(new.target.name, { kernel, stride });
    requireSizes(new.target.name, { padding }, 0);
    this.options = { stride, padding, ceilMode };
  }

  override outputShape(shape: Shape): number[] {
    if (shape.length !== 3) this.refuse(shape, "[channels, height, width]");
    const { stride, padding, ceilMode } = this.options;
    const lengths = shape.slice(1).map((n) => {
      const steps = (n + 2 * padding - this.kernel) / stride;
      const count = (ceilMode ? Math.ceil(steps) : Math.floor(steps)) + 1;
      // The last window must start within the input or the padding ahead of it.
      return ceilMode && (count - 1) * stride >= n + padding ? count - 1 : count;
    });
    if (lengths.some((n) => n < 1)) this.refuse(shape, `a height and a width that a window of ${this.kernel} fits`);
    return [shape[0], ...lengths];
  }
}

/** Maximum over square windows. */
export class MaxPool2d extends Pool2d {
  readonly kind = "MaxPool2d";

  override forward(x: Tensor): Tensor {
    return maxPool2d(x, this.kernel, this.options);
  }
}

/** Mean over square windows. */
export class AveragePool2d extends Pool2d {
  readonly kind = "AveragePool2d";

  override forward(x: Tensor): Tensor {
    return averagePool2d(x, this.kernel, this.options);
  }
}

/** Mean over the whole of each channel: [C, H, W] to [C]. */
export class GlobalAveragePool2d extends Layer {
  readonly kind = "GlobalAveragePool2d";

  override forward(x: Tensor): Tensor {
    return reshape(adaptiveAveragePool2d(x, 1), x.shape.slice(0, 2));
  }

  override outputShape(shape: Shape): number[] {
    if (shape.length !== 3 || shape[1] < 1 || shape[2] < 1) this.refuse(shape, "[channels, height, width]");
    return [shape[0]];
  }
}
