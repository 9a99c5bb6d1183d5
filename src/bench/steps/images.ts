import { parseResNetConfig, ResNet } from "../../models/index.ts";
import { TrainingPass } from "../../nn/index.ts";
import { tensor } from "../../tensor/index.ts";
import { randomIndices, randomValues } from "../values.ts";
import type { StepRow } from "./step.ts";
import { adamw, trainingStep } from "./training-step.ts";

const BATCH = 32;
const IMAGE = [3, 32, 32];
/** Multiply-adds of ResNet-20 for one image of 32 × 32: 40.8 million (He et al. 2016 count 0.27 M weights). */
const IMAGE_OPERATIONS = 2 * 40.8e6;

export const IMAGE_ROWS: readonly StepRow[] = [
  {
    id: "resnet-20/step",
    title: `Training step of ResNet-20, ${BATCH} images of 32 × 32, AdamW`,
    items: { count: BATCH, unit: "images/s" },
    operations: 3 * BATCH * IMAGE_OPERATIONS,
    prepare: async (gpu) => {
      const config = { arch: "cifar_resnet", blocks_per_stage: 3, widths: [16, 32, 64] };
      const model = new ResNet(gpu, parseResNetConfig(config, "the bench's config"));
      model.reinitialize("*", 1);
      const size = BATCH * IMAGE.reduce((product, length) => product * length, 1);
      const images = tensor(randomValues(size, 5), [BATCH, ...IMAGE], { gpu });
      const labels = tensor(randomIndices(BATCH, 10, 9), [BATCH], { gpu });
      const optimizer = adamw(model.namedParameters(), 1e-3);
      return trainingStep(
        gpu,
        optimizer,
        () => {
          const pass = new TrainingPass(0);
          return model.loss(model.features(images, { pass }), labels, "mean", pass);
        },
        () => {
          for (const one of [images, labels]) one.dispose();
          model.dispose();
        },
      );
    },
  },
];
