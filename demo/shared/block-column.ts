import { formatCount, formatRate } from "../../src/finetune/format.ts";
import { fill, h, setStyle } from "./dom.ts";
import { icon } from "./icons.ts";

/** A part of a model as the column shows it, from the input to the head. */
export interface Block {
  /** As in checkpoints: "h.3", "score". */
  readonly name: string;
  /** As people say it: "Block 4", "Head". */
  readonly title: string;
  readonly parameters: number;
  /** What stands beside the title; the name, where it is not given. */
  readonly detail?: string;
}

/** How a block is trained. */
export interface BlockState {
  /** Null when it is frozen. */
  readonly learningRate: number | null;
  /** A word in place of the rate, such as "thaws in epoch 3". */
  readonly note?: string;
}

export interface BlockColumnOptions {
  /** What goes in above and what comes out below: "tokens", "spam or ham". */
  readonly input: string;
  readonly output: string;
  /** Makes the blocks buttons that freeze and thaw. */
  onToggle?(block: Block): void;
}

export interface BlockColumn {
  readonly element: HTMLElement;
  setBlocks(blocks: readonly Block[], output?: string): void;
  /** Shows which blocks are trained and how fast; a block that is not named is frozen. */
  setStates(states: ReadonlyMap<string, BlockState>): void;
  setDisabled(isDisabled: boolean): void;
}

/** Blocks that may be two lines each. */
const SHALLOW = 10;

/**
 * A model as a column of blocks, the input above: name, number of parameters, share of the whole. Colour tells the
 * learning rate, on a logarithmic scale from the lowest to the highest of the column; a lock tells what is frozen. With
 * `onToggle` each block is a button with `aria-pressed`, so that the keyboard freezes and thaws too.
 */
export function blockColumn({ input, output, onToggle }: BlockColumnOptions): BlockColumn {
  const list = h("ol", { class: "blocks", "aria-label": "Blocks of the model, from the input to the head" });
  const out = h("p", { class: "flow" }, output);
  const element = h("div", { class: "stack close" }, h("p", { class: "flow" }, input), list, out);
  let shown: { block: Block; box: HTMLElement; mark: HTMLElement; rate: HTMLElement }[] = [];
  return {
    element,
    setBlocks(blocks, newOutput) {
      if (newOutput !== undefined) out.textContent = newOutput;
      const most = Math.max(1, ...blocks.map(({ parameters }) => parameters));
      shown = blocks.map((block) => {
        const mark = h("span", { class: "mark" });
        const rate = h("span", { class: "rate" });
        const share = h("span", {});
        share.style.width = `${(100 * block.parameters) / most}%`;
        const contents = [
          onToggle ? mark : null,
          h("span", {}, block.title, " ", h("span", { class: "soft small" }, block.detail ?? block.name), rate),
          h("span", { class: "count" }, formatCount(block.parameters)),
          h("span", { class: "share", "aria-hidden": "true" }, share),
        ];
        const box = onToggle
          ? h(
              "button",
              { class: "block", type: "button", "data-block": block.name, onclick: () => onToggle(block) },
              contents,
            )
          : h("div", { class: "block", "data-block": block.name }, contents);
        return { block, box, mark, rate };
      });
      list.classList.toggle("deep", blocks.length > SHALLOW);
      fill(list, ...shown.map(({ box }) => h("li", {}, box)));
    },
    setStates(states) {
      const rates = [...states.values()].flatMap(({ learningRate }) => learningRate ?? []);
      const [low, high] = [Math.min(...rates), Math.max(...rates)].map(Math.log10);
      for (const { block, box, mark, rate } of shown) {
        const state = states.get(block.name);
        const learningRate = state?.learningRate ?? null;
        const isTrained = learningRate !== null;
        box.classList.toggle("trained", isTrained);
        if (onToggle) box.setAttribute("aria-pressed", String(isTrained));
        setStyle(box, { "--rate": isTrained ? (high > low ? (Math.log10(learningRate) - low) / (high - low) : 1) : 0 });
        fill(mark, isTrained ? null : icon("lock"));
        rate.textContent = state?.note ?? (isTrained ? `trained at ${formatRate(learningRate)}` : "frozen");
      }
    },
    setDisabled(isDisabled) {
      for (const { box } of shown) if (box instanceof HTMLButtonElement) box.disabled = isDisabled;
    },
  };
}

/** The legend of the colours: from the lowest rate to the highest. */
export function rateScale(): HTMLElement {
  return h(
    "p",
    { class: "scale" },
    h("span", {}, "lower rate"),
    h("span", { class: "ramp", "aria-hidden": "true" }),
    h("span", {}, "higher rate"),
  );
}
