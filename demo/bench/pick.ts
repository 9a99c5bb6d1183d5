import { FAMILIES, type Family, variantNames } from "../../src/bench/index.ts";
import { fill, h, newId } from "../shared/dom.ts";
import { numberField } from "../shared/field.ts";
import { icon } from "../shared/icons.ts";
import type { BenchAdapter, BenchOrder, LadderOrder } from "./protocol.ts";
import { defaultSize, wrongSize } from "./size.ts";

export interface PickOptions {
  readonly adapter: BenchAdapter;
  onRun(order: BenchOrder): void;
}

export interface Pick {
  readonly element: HTMLElement;
  readonly samples: number;
  /** While a run is under way nothing can be changed. */
  setRunning(isRunning: boolean): void;
}

/** Samples of each time, as on the command line; a processor takes its time. */
const SAMPLES = { software: 5, hardware: 9 };

/** Families that are picked at first: one bound by arithmetic, two by bandwidth. */
const AT_FIRST = ["matmul", "softmax", "reduce"];

/** The form: families with sizes and variants, samples, and the button. */
export function pickForm({ adapter, onRun }: PickOptions): Pick {
  const rows = FAMILIES.map((family) => familyRow(family, adapter, () => update()));
  const samples = numberField({
    label: "Samples",
    hint: "Times each variant is timed; the median counts.",
    value: adapter.isSoftware ? SAMPLES.software : SAMPLES.hardware,
    ...{ min: 1, max: 99, isInteger: true, onChange: () => update() },
  });
  const run = h("button", { class: "button primary", type: "button", onclick: () => start() }, icon("play"), "Measure");
  const all = h("button", { class: "button quiet small", type: "button", onclick: () => pickAll(true) }, "All");
  const none = h("button", { class: "button quiet small", type: "button", onclick: () => pickAll(false) }, "None");
  const why = h("p", { class: "soft small", role: "status" });
  let isRunning = false;

  const pickAll = (isPicked: boolean): void => {
    for (const row of rows) row.setPicked(isPicked);
    update();
  };
  const update = (): void => {
    const picked = rows.filter((row) => row.isPicked);
    const isWrong = picked.some((row) => row.order === null) || samples.value === null;
    run.disabled = isRunning || isWrong || picked.length === 0;
    fill(why, picked.length === 0 ? "Pick at least one kernel." : isWrong ? "Something above is not as expected." : "");
  };
  const start = (): void => {
    const ladders = rows.filter((row) => row.isPicked).map((row) => row.order!);
    onRun({ ladders, samples: samples.value! });
  };
  update();
  return {
    element: h(
      "div",
      { class: "stack" },
      h(
        "div",
        { class: "stack close" },
        h(
          "div",
          { class: "families-head" },
          h("div", { class: "row" }, h("h3", { id: "families-title" }, "Kernels"), h("span", {}, all, none)),
          h("span", { class: "soft", "aria-hidden": "true" }, "Size"),
          h("span", { class: "soft", "aria-hidden": "true" }, "Variants"),
        ),
        h(
          "ul",
          { class: "families", "aria-labelledby": "families-title" },
          rows.map(({ element }) => element),
        ),
      ),
      h("div", { class: "samples" }, samples.element),
      h("div", { class: "row" }, run, why),
    ),
    get samples() {
      return samples.value ?? SAMPLES.software;
    },
    setRunning(running) {
      isRunning = running;
      for (const row of rows) row.setDisabled(running);
      for (const button of [all, none]) button.disabled = running;
      samples.setDisabled(running);
      update();
    },
  };
}

interface FamilyRow {
  readonly element: HTMLElement;
  readonly isPicked: boolean;
  /** What is asked for; null where the size is none, or no variant is left. */
  readonly order: LadderOrder | null;
  setPicked(isPicked: boolean): void;
  setDisabled(isDisabled: boolean): void;
}

function familyRow(family: Family, adapter: BenchAdapter, onChange: () => void): FamilyRow {
  const { name, computes, sizeForms } = family;
  const [id, sizeId] = [newId("family"), newId("size")];
  const size = defaultSize(family, adapter);
  const box = h("input", { type: "checkbox", id, checked: AT_FIRST.includes(name), onchange: () => update() });
  const error = h("span", { class: "error small bad", id: `${sizeId}-error`, hidden: true });
  const input = h("input", {
    ...{ class: "input", id: sizeId, type: "text", placeholder: size, autocomplete: "off", spellcheck: "false" },
    ...{ "aria-label": `Size of ${name}: ${sizeForms}`, "aria-describedby": `${sizeId}-error`, title: sizeForms },
    oninput: () => update(),
  });
  const names = variantNames(family);
  const variants = names.map((variant) =>
    h("input", { type: "checkbox", value: variant, checked: true, onchange: () => update() }),
  );
  const chosen = (): string[] => variants.filter(({ checked }) => checked).map(({ value }) => value);
  const summary = h("summary", {});
  const problem = (): string | null => {
    const wrong = wrongSize(family, input.value, adapter);
    if (wrong !== null) return wrong;
    return chosen().length === 0 ? "Leave at least one variant." : null;
  };
  const update = (): void => {
    const wrong = problem();
    error.hidden = wrong === null;
    fill(error, wrong);
    input.setAttribute("aria-invalid", String(wrong !== null && chosen().length > 0));
    const count = chosen().length;
    fill(summary, count === names.length ? `All ${count} variants` : `${count} of ${names.length} variants`);
    element.classList.toggle("off", !box.checked);
    onChange();
  };
  const element = h(
    "li",
    { class: "family" },
    h("label", { for: id }, box, h("span", {}, h("b", {}, name), h("span", { class: "soft small" }, ` ${computes}`))),
    h("div", { class: "size" }, input, error),
    h(
      "details",
      { class: "small" },
      summary,
      h(
        "div",
        { class: "variants", role: "group", "aria-label": `Variants of ${name}` },
        names.map((variant, i) => h("label", {}, variants[i], variant)),
      ),
    ),
  );
  const count = names.length;
  fill(summary, `All ${count} variants`);
  element.classList.toggle("off", !box.checked);
  return {
    element,
    get isPicked() {
      return box.checked;
    },
    get order() {
      if (problem() !== null) return null;
      const [text, own] = [input.value.trim(), chosen()];
      return {
        family: name,
        ...(text === "" ? {} : { size: text }),
        ...(own.length === names.length ? {} : { variants: own }),
      };
    },
    setPicked(isPicked) {
      box.checked = isPicked;
      update();
    },
    setDisabled(isDisabled) {
      for (const one of [box, input, ...variants]) one.disabled = isDisabled;
    },
  };
}
