import type { FamilyName } from "../kernels/variants/table.ts";

interface Description {
  /** What the kernels of the family compute. */
  readonly family: string;
  /** What each candidate does, in a sentence. */
  readonly candidates: Readonly<Record<string, string>>;
}

/** The families of kernels in words: they are for people who compare candidates, so programs do not carry them. */
const DESCRIPTIONS: Readonly<Record<FamilyName, Description>> = {
  attention: {
    family: "attention and its gradient, without scores in memory",
    candidates: {
      subgroup: "A subgroup makes 16 rows in registers, or 4, and passes round operands and probabilities in it.",
      shared: "A workgroup of 64 makes 32 rows from tiles in workgroup memory, where probabilities lie too.",
    },
  },
  convolution: {
    family: "convolutions and their gradients",
    candidates: {
      register: "A lane makes 4 × 4 elements in registers, on its own.",
      shuffle: "A lane makes 16 × 4 elements in registers; rows of the weight are passed round in the subgroup.",
      "shuffle-wide":
        "As shuffle, with 16 × 8 or 32 × 4 elements and fewer steps a round, so that the loop stays short; " +
        "phases of a strided input gradient of few channels share what they load.",
      shared: "A workgroup makes 64 × 64 elements from tiles in workgroup memory, a thread 4 × 4 of them.",
    },
  },
  depthwise: {
    family: "convolutions of one input channel a group",
    candidates: {
      strip: "A lane makes eight rows of an image: finding its place costs a processor as much as some rows.",
      row: "A lane makes eight pixels of one row, so that there are many lanes.",
    },
  },
  elementwise: {
    family: "functions of elements, and copies",
    candidates: {
      neighbours: "An invocation takes four neighbours or one element of a strided view, and the next one the next.",
      "cache-lines": "An invocation takes a cache line, or a run of an axis, whose place slow divisions find once.",
      "written-out": "As cache-lines, without loops over vectors, and half as much of functions of many operations.",
    },
  },
  matmul: {
    family: "products of matrices",
    candidates: {
      register: "A lane makes 4 × 4 or 4 × 8 elements in registers, on its own.",
      shuffle: "A lane makes 16 × 4 elements; rows of A are loaded once a subgroup and passed round in it.",
      "shuffle-wide":
        "As shuffle, with 16 × 8 or 32 × 4 elements a lane and, but in subgroups of 4, fewer k a round, so that the loop stays short.",
      shared: "A workgroup makes 64 × 64 elements from tiles in workgroup memory, a thread 4 × 4 of them.",
      "shared-wide":
        "As shared, and 128 × 128 elements, a thread 8 × 8, where there are enough of them for all processors.",
      "subgroup-matrix":
        "Experimental, never run yet: a subgroup makes 2 × 2 matrices by matrix units; other operands go as shared.",
    },
  },
  reduction: {
    family: "sums and other reductions along any axes",
    candidates: {
      one: "An invocation makes one result, or one chunk of it.",
      four: "An invocation makes four neighbouring results where it can read vectors.",
    },
  },
  rows: {
    family: "softmax, normalisation, cross-entropy: sums and maxima along rows",
    candidates: {
      lane: "One invocation makes a whole row, so that nothing waits.",
      "lane-vectors": "One invocation makes a whole row and reads four numbers of it at once.",
      tree: "64 invocations share a row and add up what they have in a tree in workgroup memory.",
    },
  },
};

const NOTHING: Description = { family: "", candidates: {} };

/** What a family computes and what its candidates do; empty for a family that is not the engine's. */
export const describeFamily = (name: string): Description => DESCRIPTIONS[name as FamilyName] ?? NOTHING;
