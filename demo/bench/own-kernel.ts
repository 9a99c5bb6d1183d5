import { type BenchRow, FAMILIES, familyOf, shaderHeader } from "../../src/bench/index.ts";
import { fill, h, newId } from "../shared/dom.ts";
import { selectField } from "../shared/field.ts";
import { icon } from "../shared/icons.ts";
import { codeEditor } from "./code-editor.ts";
import type { BenchAdapter, BenchOrder } from "./protocol.ts";
import type { Results } from "./results.ts";
import { defaultSize, wrongSize } from "./size.ts";

export interface OwnKernelOptions {
  readonly adapter: BenchAdapter;
  readonly results: Results;
  /** Samples of each time, as they are picked above. */
  samples(): number;
  onRun(order: BenchOrder): Promise<void>;
}

export interface OwnKernel {
  readonly element: HTMLElement;
  setRunning(isRunning: boolean): void;
}

/** What reports and charts call the shader. */
const NAME = "yours";

/** A field for WGSL that is run as a variant of a family, with the compiler's words at its lines. */
export function ownKernel({ adapter, results, samples, onRun }: OwnKernelOptions): OwnKernel {
  const editor = codeEditor("WGSL of your kernel");
  const sizeId = newId("size");
  const verdict = h("p", { class: "outcome", role: "status" });
  const family = selectField({
    label: "Kernel",
    options: FAMILIES.map(({ name, computes }) => ({ value: name, label: `${name}: ${computes}` })),
    value: "matmul",
    onChange: () => {
      size.value = "";
      begin();
      checkSize();
    },
  });
  const size = h("input", { class: "input", id: sizeId, type: "text", autocomplete: "off", spellcheck: "false" });
  const error = h("span", { class: "error", id: `${sizeId}-error`, hidden: true });
  size.setAttribute("aria-describedby", error.id);
  size.addEventListener("input", () => checkSize());
  let given = "";
  let isRunning = false;
  const checkSize = (): void => {
    const own = familyOf(family.value!);
    size.placeholder = defaultSize(own, adapter);
    const wrong = wrongSize(own, size.value, adapter);
    error.hidden = wrong === null;
    fill(error, wrong);
    size.setAttribute("aria-invalid", String(wrong !== null));
    run.disabled = isRunning || wrong !== null;
  };
  /** Offers the first rung of the family, unless something was written that would be lost. */
  const begin = (isForced = false): void => {
    if (!isForced && editor.value.trim() !== "" && editor.value !== given) return;
    given = exampleOf(family.value!);
    editor.set(given);
    fill(verdict);
    checkSize();
  };
  const run = h(
    "button",
    { class: "button primary", type: "button", onclick: () => void start() },
    icon("play"),
    "Check and time",
  );
  const restore = h(
    "button",
    { class: "button quiet", type: "button", onclick: () => begin(true) },
    "Begin again with the naive one",
  );

  const start = async (): Promise<void> => {
    editor.showMessages([]);
    fill(verdict);
    const shader = { name: NAME, wgsl: editor.value };
    const own = size.value.trim() === "" ? {} : { size: size.value.trim() };
    const ladder = { family: family.value!, variants: ["engine"], shader, ...own };
    await onRun({ ladders: [ladder], samples: samples() });
    const row = results.report?.rows.find(({ name }) => name === NAME);
    if (row) tell(row);
  };
  const tell = ({ status, reason = "", messages = [] }: BenchRow): void => {
    verdict.className = `outcome ${status}`;
    editor.showMessages(messages);
    const words =
      status === "right"
        ? "It agrees with the double-precision reference, and was timed."
        : messages.length > 0
          ? "It does not compile; the compiler's words stand at their lines."
          : `${status}: ${reason.replaceAll("\n", ". ")}`;
    fill(verdict, status === "unavailable" ? null : icon(status === "right" ? "check" : "close"), words);
  };
  begin();
  return {
    element: h(
      "div",
      { class: "stack" },
      h(
        "div",
        { class: "own-head" },
        family.element,
        h("div", { class: "field" }, h("label", { for: sizeId }, "Size"), size, error),
      ),
      editor.element,
      h(
        "p",
        { class: "hint soft small" },
        'The entry point is main. A line "// grid: ceil(N / 8), ceil(M / 8)" says how many workgroups it wants; it may name the whole fields of Params and constants of the shader. Everything the family writes must be written.',
      ),
      h("div", { class: "row" }, run, restore),
      verdict,
      results.element,
    ),
    setRunning(running) {
      isRunning = running;
      checkSize();
      size.disabled = running;
      restore.disabled = isRunning;
      family.setDisabled(isRunning);
      editor.setDisabled(isRunning);
    },
  };
}

/** The first rung of a family, which is a whole shader; where it is not, how one begins. */
function exampleOf(name: string): string {
  const family = familyOf(name);
  return family.rungs[0]?.wgsl ?? shaderHeader(family);
}
