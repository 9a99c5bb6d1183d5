import { embedding } from "../../autograd/index.ts";
import type { Gpu } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { Module, parameter } from "../module.ts";
import { requireSizes } from "./layer.ts";

/** Rows of a table by integer id. */
export class Embedding extends Module {
  readonly weight: Tensor;

  constructor(gpu: Gpu, rows: number, width: number) {
    super();
    requireSizes("Embedding", { rows, width });
    this.weight = parameter(gpu, [rows, width]);
  }

  forward(ids: Tensor): Tensor {
    return embedding(this.weight, ids);
  }
}
