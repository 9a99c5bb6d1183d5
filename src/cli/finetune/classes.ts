import { formatCount } from "../../finetune/format.ts";
import { listLabels } from "../../io/index.ts";
import type { TaskRun } from "../../jobs/tasks/task-run.ts";
import { printable } from "../text.ts";

/** Classes whose counts are listed one by one. */
const LISTED_CLASSES = 20;

/** The classes of the data and whose head they get, in a line. */
export function describeClasses({ data, isNewHead }: Pick<TaskRun, "data" | "isNewHead">): string {
  const classes = data.classes ?? [];
  const head = isNewHead ? "a new head" : "the model's own head";
  if (classes.length > LISTED_CLASSES) {
    return `classes  ${classes.length}, with ${head}: ${printable(listLabels(classes.map(({ label }) => label)))}`;
  }
  const counts = classes.map(
    ({ label, train, valid }) => `${printable(label)} ${formatCount(train)}+${formatCount(valid)}`,
  );
  return `classes  ${classes.length}, with ${head} (training + validation): ${counts.join(", ")}`;
}
