import { defineFamily } from "../variants/variants.ts";

interface Choice {
  readonly kernel: "register" | "shuffle" | "shuffle-wide" | "shared";
  /** Whether phases of a strided input gradient of few channels are made together. */
  readonly joinsPhases: boolean;
}

/** Convolutions as products. The choice never changes bits, only speed. */
export const convolutionFamily = defineFamily<Choice>({
  name: "convolution",
  candidates: [
    {
      name: "register",
      value: { kernel: "register", joinsPhases: false },
    },
    {
      name: "shuffle",
      value: { kernel: "shuffle", joinsPhases: false },
    },
    {
      name: "shuffle-wide",
      value: { kernel: "shuffle-wide", joinsPhases: true },
    },
    {
      name: "shared",
      value: { kernel: "shared", joinsPhases: false },
    },
  ],
});
