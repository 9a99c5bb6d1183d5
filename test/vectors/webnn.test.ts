import { useGpu } from "../support/gpu.ts";
import { testSuite } from "../support/vectors/suite.ts";
import { webnn } from "../support/vectors/webnn/index.ts";

const gpu = useGpu();
await testSuite("wpt-webnn", webnn, gpu);
await testSuite("webnn-baseline", webnn, gpu);
