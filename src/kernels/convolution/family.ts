import { defineFamily } from "../variants.ts";

interface Choice {
  readonly kernel: "register" | "shuffle" | "shuffle-wide" | "shared";
  /** Whether phases of a strided input gradient of few channels are made together. */
  readonly joinsPhases: boolean;
}

/** Convolutions as products. The choice never changes bits, only speed. */
export const convolutionFamily = defineFamily<Choice>({
  name: "convolution",
  description: "convolutions and their gradients",
  candidates: [
    {
      name: "register",
      description: "A lane makes 4 × 4 elements in registers, on its own.",
      value: { kernel: "register", joinsPhases: false },
    },
    {
      name: "shuffle",
      description: "A lane makes 16 × 4 elements in registers; rows of the weight are passed round in the subgroup.",
      value: { kernel: "shuffle", joinsPhases: false },
    },
    {
      name: "shuffle-wide",
      description:
        "As shuffle, with 16 × 8 or 32 × 4 elements and fewer steps a round, so that the loop stays short; " +
        "phases of a strided input gradient of few channels share what they load.",
      value: { kernel: "shuffle-wide", joinsPhases: true },
    },
    {
      name: "shared",
      description: "A workgroup makes 64 × 64 elements from tiles in workgroup memory, a thread 4 × 4 of them.",
      value: { kernel: "shared", joinsPhases: false },
    },
  ],
});
