import type { OpName } from "../../src/autograd/index.ts";
import { elementwiseSamples } from "./elementwise.ts";
import { indexingSamples } from "./indexing.ts";
import { lossSamples } from "./losses.ts";
import { normalizationSamples } from "./normalization.ts";
import { poolingSamples } from "./pooling.ts";
import { productSamples } from "./products.ts";
import { reductionSamples } from "./reduction.ts";
import type { SamplesOf } from "./sample.ts";
import { shapeSamples } from "./shape.ts";

export type { Sample, SampleInput } from "./sample.ts";

/** Inputs for the generic tests of every op. An op without samples does not compile. */
export const samples: SamplesOf<OpName> = {
  ...elementwiseSamples,
  ...reductionSamples,
  ...shapeSamples,
  ...productSamples,
  ...normalizationSamples,
  ...indexingSamples,
  ...lossSamples,
  ...poolingSamples,
};
