import { describeAdapter } from "../../src/gpu/adapter/adapter.ts";
import { findNodeAdapter } from "../../src/gpu/adapter/node-adapter.ts";

/** Before the first test: finds the adapter that the suites run on and says which; the run fails where there is none. */
export default async function adapterPresent(): Promise<void> {
  const { adapter, source } = await findNodeAdapter();
  const origin = source === "swiftshader" ? "from npm" : "this machine's own";
  console.log(`Adapter: ${describeAdapter(adapter.info).name}, ${origin}`);
}
