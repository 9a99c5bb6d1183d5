import { useGpu } from "../support/gpu.ts";
import { testSuite } from "../support/vectors/suite.ts";
import { webnn } from "../support/vectors/webnn/index.ts";

const gpu = useGpu();
testSuite("wpt-webnn", webnn, gpu);
testSuite("webnn-baseline", webnn, gpu);
