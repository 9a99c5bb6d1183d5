// Time from opening the adapter to the end of the first step, in processes of their own: with the driver's shader cache off
// ("cold") and filled ("warm"), and with kernels compiled when they are first used or ahead, while the weights are read.
// "processor" is the time of all cores together. Prints JSON.
// Usage: node scripts/build.mjs --quiet && node bench/cold-start.mjs [block|step] (default: both)
import { prepareWorkload, WORKLOADS } from "./first-step.mjs";

const [asked] = process.argv.slice(2);
if (asked !== undefined && !(asked in WORKLOADS)) {
  throw new Error(`no workload "${asked}"; there are ${Object.keys(WORKLOADS).join(", ")}`);
}
const results = [];
for (const name of asked ? [asked] : Object.keys(WORKLOADS)) {
  const workload = prepareWorkload(name);
  try {
    for (const compiled of ["at first use", "ahead"]) {
      const how = compiled === "ahead" ? "ahead" : "at-use";
      const cold = workload.run(how, true);
      workload.run(how, false);
      const warm = workload.run(how, false);
      const { adapter, pipelines } = cold;
      const { what } = WORKLOADS[name];
      results.push({
        ...{ workload: what, compiled, adapter, pipelines },
        ...{ cold: cold.milliseconds, warm: warm.milliseconds },
      });
    }
  } finally {
    workload[Symbol.dispose]();
  }
}
console.log(JSON.stringify(results, null, 2));
