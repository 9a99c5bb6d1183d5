import * as api from "../../../../src/autograd/index.ts";
import type { Tensor } from "../../../../src/tensor/index.ts";
import { filled } from "../compose.ts";
import type { Node, OperatorTable } from "../node.ts";
import { activation, type Cell, type CellOptions, type CellWeights, gruCell, lstmCell, runCell } from "../recurrent.ts";

/** WebNN's letter n of a GRU and g of an LSTM are the candidates. */
function optionsOf(node: Node, layout: string, activations: readonly string[]): CellOptions {
  return {
    activations: (node.texts("activations") ?? activations).map((name) => activation(name)),
    layout: node.text("layout", layout),
    resetAfter: node.flag("resetAfter", true),
  };
}

const squeezed = (x: Tensor | undefined, direction: number): Tensor | undefined =>
  x && api.squeeze(api.slice(x, 0, direction, direction + 1), [0]);

function weightsOf(node: Node, direction: number | null): CellWeights {
  const pick = (key: string): Tensor | undefined =>
    direction === null ? node.optional(key) : squeezed(node.optional(key), direction);
  return {
    weight: pick("weight")!,
    recurrentWeight: pick("recurrentWeight")!,
    bias: pick("bias"),
    recurrentBias: pick("recurrentBias"),
    peephole: pick("peepholeWeight"),
  };
}

/** Runs every direction: the last states [directions, batch, hidden], and the whole sequence when it is wanted. */
function network(
  node: Node,
  makeCell: (weights: CellWeights, options: CellOptions) => Cell,
  options: CellOptions,
  initialKeys: readonly string[],
): Tensor[] {
  const x = node.input("input");
  const hidden = node.number("hiddenSize");
  const direction = node.text("direction", "forward");
  const reversals = direction === "both" ? [false, true] : [direction === "backward"];
  const runs = reversals.map((isReversed, d) => {
    const initial = initialKeys.map((key) => squeezed(node.optional(key), d) ?? filled([x.shape[1], hidden], 0));
    return runCell(x, makeCell(weightsOf(node, d), options), initial, isReversed);
  });
  const states = initialKeys.map((_, k) =>
    api.stack(
      runs.map(({ state }) => state[k]),
      0,
    ),
  );
  if (!node.flag("returnSequence", false)) return states;
  // [steps, directions, batch, hidden]
  return [
    ...states,
    api.stack(
      runs.map(({ outputs }) => api.stack(outputs, 0)),
      1,
    ),
  ];
}

export const recurrent: OperatorTable = {
  gru: (node) => network(node, gruCell, optionsOf(node, "zrn", ["sigmoid", "tanh"]), ["initialHiddenState"]),
  gruCell: (node) => {
    const cell = gruCell(weightsOf(node, null), optionsOf(node, "zrn", ["sigmoid", "tanh"]));
    return cell(node.input("input"), [node.input("hiddenState")]);
  },
  lstm: (node) =>
    network(node, lstmCell, optionsOf(node, "iofg", ["sigmoid", "tanh", "tanh"]), [
      "initialHiddenState",
      "initialCellState",
    ]),
  lstmCell: (node) => {
    const cell = lstmCell(weightsOf(node, null), optionsOf(node, "iofg", ["sigmoid", "tanh", "tanh"]));
    return cell(node.input("input"), [node.input("hiddenState"), node.input("cellState")]);
  },
};
