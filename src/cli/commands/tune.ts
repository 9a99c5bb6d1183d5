import { timingDefaults } from "../../bench/timing.ts";
import { betterVariants, type FamilyResult, tune, tuneSubjects } from "../../bench/tune/index.ts";
import { Gpu } from "../../gpu/index.ts";
import { defineCommand, unknown } from "../arguments.ts";
import { StatusLine } from "../progress.ts";
import { jsonLine } from "../render.ts";
import { renderFamily } from "../tune-text.ts";
import { saveTuned } from "../tuned.ts";

export const tuneCommand = defineCommand({
  name: "tune",
  description:
    "Measures every kernel candidate that this adapter can run, family by family. Each is first checked against sums in " +
    "double precision and against the candidate in use; what is wrong is refused and told. Then they are timed in turns " +
    "at sizes of real models.\n\n" +
    "What was better than the table of the repository is printed and kept for this adapter and driver in the cache " +
    "folder ($XDG_CACHE_HOME/graft or ~/.cache/graft). Nothing uses it unless asked to: commands by --tuned, programs " +
    "by Gpu.open({ variants }).",
  usage: "[options]",
  positionals: {},
  options: {
    family: { type: "list", placeholder: "NAME,…", description: "families to measure (default: all)" },
    repeats: { type: "integer", default: 9, min: 3, description: "samples of each time" },
    software: { type: "boolean", description: "use SwiftShader, the software adapter from npm" },
    "subgroup-matrices": {
      type: "boolean",
      description: "ask for the adapter's matrix units too, an experimental feature of Dawn",
    },
    json: { type: "boolean", description: "print one JSON object a family, and one with the table" },
  },
  async run({ options }, { stdout, stderr, env, onInterrupt }) {
    const { family, repeats, software, json } = options;
    using interrupt = onInterrupt();
    const subgroupMatrices = options["subgroup-matrices"];
    using gpu = await Gpu.open({ software, subgroupMatrices });
    const subjects = tuneSubjects(gpu.adapter.isSoftware, gpu.features.has("shader-f16"));
    const names = subjects.map((subject) => subject.family.name);
    const other = family?.find((name) => !names.includes(name));
    if (other !== undefined) throw unknown("--family", other, names);
    if (!json) stdout.write(`Adapter: ${gpu.adapter.name}\n`);
    const results: FamilyResult[] = [];
    const chosen = subjects.filter((subject) => family?.includes(subject.family.name) ?? true);
    const timing = { ...timingDefaults(gpu), samples: repeats, signal: interrupt.signal };
    const progress = new StatusLine(stderr);
    let kept: Awaited<ReturnType<typeof saveTuned>> | undefined;
    try {
      for (const [done, subject] of chosen.entries()) {
        progress.show(`[${done + 1}/${chosen.length}] ${subject.family.name}`);
        for await (const result of tune(gpu, [subject], timing)) {
          results.push(result);
          // Kept one by one, so that Ctrl-C loses none that was measured.
          kept = await saveTuned(env, gpu, results);
          progress.clear();
          stdout.write(json ? jsonLine({ type: "family", ...result }) : `\n${renderFamily(result, stdout.columns)}\n`);
        }
      }
    } finally {
      progress.clear();
    }
    const { path, file } = kept!;
    if (json) {
      stdout.write(jsonLine({ type: "table", variants: file.variants, path }));
      return 0;
    }
    const better = Object.keys(betterVariants(results)).length;
    const { variants } = file;
    stdout.write(
      Object.keys(variants).length === 0
        ? "\nThe table of the repository is the best here.\n"
        : `\nA better table for this adapter${better === 0 ? " (kept from before)" : ""}:\n  ${JSON.stringify(variants)}\n`,
    );
    stdout.write(`Kept in ${path}; use it by --tuned, or Gpu.open({ variants }).\n`);
    return 0;
  },
});
