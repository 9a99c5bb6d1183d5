import { cpus } from "node:os";
import { basename } from "node:path";
import {
  type BenchPlan,
  type BenchReport,
  type BenchRow,
  BenchUsageError,
  firstRunOf,
  listOfNames,
  makeReport,
  planOf,
  runBench,
  type StepResources,
  timingDefaults,
} from "../../bench/index.ts";
import { Gpu } from "../../gpu/index.ts";
import { NodeDirectory } from "../../io/node/index.ts";
import { defineCommand, UsageError } from "../arguments.ts";
import { assetPath } from "../assets.ts";
import { addColdStarts, type FirstRun } from "../bench/cold-start.ts";
import {
  renderBenchHead,
  renderBenchHeadings,
  renderBenchNames,
  renderBenchRows,
  renderPeaksAgain,
} from "../bench/render-bench.ts";
import { ReportFiles } from "../bench/report-files.ts";
import { readTextFile } from "../data.ts";
import { nearestWord } from "../nearest-word.ts";
import { StatusLine } from "../progress.ts";
import { TUNED_OPTION, useTuned } from "../tuned.ts";
import { graftVersion, packageVersion } from "../version.ts";

export const benchCommand = defineCommand({
  name: "bench",
  description:
    "Measures the engine on this adapter. Without a name every kernel ladder runs: each variant of a family, from naive " +
    "to best, is checked against a double-precision reference and then timed beside the others. A name picks one " +
    "family, one suite (table, end-to-end) or one row; --list shows them all.\n\n" +
    "--wgsl runs a shader of your own through the same check and timing; docs/bench.md tells what it must bind.",
  usage: "[NAME] [options]",
  positionals: { name: { description: "a family, a suite or a row (default: all ladders)", optional: true } },
  options: {
    size: { type: "list", placeholder: "SIZE,…", description: "sizes of the family, such as 1024 or 512x768x3072" },
    variant: { type: "list", placeholder: "NAME,…", description: 'variants of the family, or "all" (default all)' },
    wgsl: {
      type: "string",
      placeholder: "FILE",
      description: "a shader of your own, run behind the family's variants",
    },
    repeats: { type: "integer", default: 9, min: 1, description: "samples of each time" },
    json: { type: "string", placeholder: "FILE", description: "write the run as JSON" },
    html: { type: "string", placeholder: "FILE", description: "write the run as a page with charts" },
    list: { type: "boolean", description: "print all names, or all about what is named, and stop" },
    cold: {
      type: "boolean",
      description:
        "also time the first run of each step in a process of its own, with the driver's shader cache and without",
    },
    firstRun: { type: "boolean", description: "print the time of the first run of one step as JSON, and stop" },
    software: { type: "boolean", description: "use SwiftShader, the software adapter from npm" },
    tuned: TUNED_OPTION,
  },
  async run({ options, positionals }, { stdout, stderr, env, onInterrupt }) {
    if (options.list) {
      const { name } = positionals;
      stdout.write(renderBenchNames(stdout.columns, name === undefined ? undefined : planNamed(name)));
      return 0;
    }
    const plan = await makePlan(positionals.name, options);
    using interrupt = onInterrupt();
    if (options.firstRun) {
      if (plan.steps.length !== 1) throw new UsageError("--first-run needs the id of one step; --list shows them");
      const milliseconds = await firstRunOf(plan.steps[0], { software: options.software }, RESOURCES);
      stdout.write(`${JSON.stringify({ milliseconds } satisfies FirstRun)}\n`);
      return 0;
    }
    await using files = await ReportFiles.open(options);
    using gpu = await Gpu.open({ software: options.software });
    if (options.tuned) stdout.write(`${await useTuned(env, gpu)}\n`);
    const timing = { ...timingDefaults(gpu), samples: options.repeats, signal: interrupt.signal };
    const rows: BenchRow[] = [];
    let report: BenchReport | undefined;
    let hasHeadings = false;
    const started = environment();
    const progress = new StatusLine(stderr);
    try {
      progress.show("measuring what the adapter can do");
      for await (const event of runBench(gpu, plan, timing, RESOURCES)) {
        if (event.type === "peaks") {
          progress.clear();
          const shown = report?.peaks;
          report = makeReport(gpu, event.peaks, rows, started);
          stdout.write(shown ? renderPeaksAgain(shown, event.peaks) : `${renderBenchHead(report)}\n`);
        } else if (event.type === "begin") {
          progress.show(`[${event.done + 1}/${event.total}] ${event.title}`);
        } else {
          // Kept first: what was measured is not lost with a process that fails or is stopped.
          rows.push(...event.rows);
          if (options.cold) await addColdStarts(event.rows, selfCommand(options.software), env, interrupt.signal);
          progress.clear();
          const [{ suite, group, title }] = event.rows;
          const heading = suite === "ladder" ? `${group}: ${title}` : "";
          if (suite === "ladder" || !hasHeadings) stdout.write(`${renderBenchHeadings(heading)}\n`);
          hasHeadings = suite !== "ladder";
          stdout.write(`${renderBenchRows(event.rows, stdout.columns)}\n`);
        }
      }
    } catch (error) {
      throw error instanceof BenchUsageError ? new UsageError(error.message) : error;
    } finally {
      progress.clear();
      // What was measured before Ctrl-C is kept.
      if (report) await files.write(report);
    }
    // Whoever asked for a shader wants to know whether it is right.
    return rows.some(({ status }) => status === "wrong" || status === "failed") ? 1 : 0;
  },
});

const RESOURCES: StepResources = { bundledModel: () => NodeDirectory.open(assetPath("gpt2-mini-en")) };

/** This command again, for one step in a process of its own. */
const selfCommand = (software: boolean): [string, ...string[]] => [
  process.execPath,
  process.argv[1],
  ...["bench", "--first-run", ...(software ? ["--software"] : [])],
];

function environment() {
  const processors = cpus();
  return {
    date: new Date().toISOString(),
    versions: { graft: graftVersion(), node: process.versions.node, webgpu: packageVersion("webgpu") },
    machine: { cpu: processors[0]?.model ?? null, cores: processors.length },
  };
}

interface Choices {
  size?: readonly string[];
  variant?: readonly string[];
  wgsl?: string;
}

/** @throws UsageError for a name there is not, with the nearest where one is near. */
function planNamed(name: string): BenchPlan {
  try {
    return planOf(name);
  } catch (error) {
    const names = listOfNames().map(({ entries }) => entries.map(([one]) => one));
    const near = names.map((some) => nearestWord(name, some)).find((word) => word !== undefined);
    const told = `nothing is named ${JSON.stringify(name)}; did you mean ${near}?`;
    throw new UsageError(near === undefined ? `${(error as Error).message} (--list shows all)` : told);
  }
}

/** @throws UsageError for a name there is not, or sizes and variants of what has none. */
async function makePlan(name: string | undefined, { size, variant, wgsl }: Choices): Promise<BenchPlan> {
  const plan = planNamed(name ?? "all");
  const chosen = Object.entries({ size, variant, wgsl }).filter(([, value]) => value !== undefined);
  if (chosen.length === 0) return plan;
  if (plan.ladders.length !== 1) {
    const flags = chosen.map(([option]) => `--${option}`).join(", ");
    throw new UsageError(
      `${flags} needs the name of one family: ${planOf("all")
        .ladders.map((one) => one.family.name)
        .join(", ")}`,
    );
  }
  const [ladder] = plan.ladders;
  const shader = wgsl === undefined ? undefined : { name: basename(wgsl), wgsl: await readShader(wgsl) };
  const variants = variant === undefined || variant.includes("all") ? undefined : variant;
  return { ...plan, ladders: (size ?? [undefined]).map((one) => ({ ...ladder, size: one, variants, shader })) };
}

async function readShader(file: string): Promise<string> {
  try {
    return await readTextFile(file);
  } catch (error) {
    throw new UsageError(`--wgsl ${(error as Error).message}`);
  }
}
