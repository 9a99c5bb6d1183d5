import { useGpu } from "../support/gpu.ts";
import { testSuite } from "../support/vectors/suite.ts";
import { tfjs } from "../support/vectors/tfjs/index.ts";

await testSuite("tfjs-core", tfjs, useGpu());
