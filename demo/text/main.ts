import { describeWebGpuProblem } from "../../src/gpu/index.ts";
import { byId } from "../shared/dom.ts";
import { notice, startPage } from "../shared/page.ts";
import { readParts } from "../shared/parts.ts";

startPage();
readParts();

async function open(): Promise<void> {
  const obstacle = await describeWebGpuProblem();
  if (obstacle) byId("notices").append(notice({ ...obstacle, kind: "problem", details: obstacle.steps }));
}

void open();
