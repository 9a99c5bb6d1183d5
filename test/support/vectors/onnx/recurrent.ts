import * as api from "../../../../src/autograd/index.ts";
import type { Tensor } from "../../../../src/tensor/index.ts";
import { NotApplicableError } from "../cases.ts";
import { filled } from "../compose.ts";
import type { Node, OperatorTable } from "../node.ts";
import {
  activation,
  type Cell,
  type CellOptions,
  type CellWeights,
  gruCell,
  lstmCell,
  rnnCell,
  runCell,
} from "../recurrent.ts";

interface Kind {
  makeCell: (weights: CellWeights, options: CellOptions) => Cell;
  layout: string;
  activations: readonly string[];
  /** Positions of the initial states among the inputs. */
  states: readonly number[];
}

const of = (x: Tensor | undefined, direction: number): Tensor | undefined =>
  x && api.squeeze(api.slice(x, 0, direction, direction + 1), [0]);

function network(node: Node, { makeCell, layout, activations, states }: Kind): readonly Tensor[] {
  const isBatchFirst = node.number("layout", 0) === 1;
  const x = isBatchFirst ? api.transpose(node.input(0), 0, 1) : node.input(0);
  const [steps, batch] = x.shape;
  if (node.host(4)?.some((length) => length !== steps)) throw new NotApplicableError("sequences of unlike lengths");
  const hidden = node.number("hidden_size", node.input(2).shape[2]);
  const direction = node.text("direction", "forward");
  const reversals = direction === "bidirectional" ? [false, true] : [direction === "reverse"];
  const names = node.texts("activations") ?? reversals.flatMap(() => activations);
  const runs = reversals.map((isReversed, d) => {
    const at = (i: number) => d * activations.length + i;
    const options: CellOptions = {
      layout,
      activations: activations.map((_, i) =>
        activation(names[at(i)], node.numbers("activation_alpha")?.[at(i)], node.numbers("activation_beta")?.[at(i)]),
      ),
      resetAfter: node.flag("linear_before_reset", false),
      coupled: node.flag("input_forget", false),
      clip: node.has("clip") ? node.number("clip") : undefined,
    };
    const biases = of(node.optional(3), d);
    const half = biases ? biases.shape[0] / 2 : 0;
    const weights: CellWeights = {
      weight: of(node.input(1), d)!,
      recurrentWeight: of(node.input(2), d)!,
      bias: biases && api.slice(biases, 0, 0, half),
      recurrentBias: biases && api.slice(biases, 0, half, 2 * half),
      peephole: of(node.optional(7), d),
    };
    const initial = states.map((position) => {
      const given = node.optional(position);
      const ordered = given && isBatchFirst ? api.transpose(given, 0, 1) : given;
      return of(ordered, d) ?? filled([batch, hidden], 0);
    });
    return runCell(x, makeCell(weights, options), initial, isReversed);
  });
  // [steps, directions, batch, hidden], or the batch first.
  const sequence = api.stack(
    runs.map(({ outputs }) => api.stack(outputs, 0)),
    1,
  );
  const last = states.map((_, k) =>
    api.stack(
      runs.map(({ state }) => state[k]),
      0,
    ),
  );
  if (!isBatchFirst) return [sequence, ...last];
  return [api.permute(sequence, [2, 0, 1, 3]), ...last.map((state) => api.transpose(state, 0, 1))];
}

export const recurrent: OperatorTable = {
  RNN: (node) => network(node, { makeCell: rnnCell, layout: "h", activations: ["tanh"], states: [5] }),
  GRU: (node) => network(node, { makeCell: gruCell, layout: "zrn", activations: ["sigmoid", "tanh"], states: [5] }),
  LSTM: (node) =>
    network(node, {
      makeCell: lstmCell,
      layout: "iofg",
      activations: ["sigmoid", "tanh", "tanh"],
      states: [5, 6],
    }),
};
