import { useGpu } from "../support/gpu.ts";
import { onnx } from "../support/vectors/onnx/index.ts";
import { testSuite } from "../support/vectors/suite.ts";

await testSuite("onnx-node", onnx, useGpu());
