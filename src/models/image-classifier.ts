import { crossEntropy } from "../autograd/index.ts";
import type { Gpu } from "../gpu/index.ts";
import type { TrainingPass } from "../nn/index.ts";
import { formatShape, keep, sizeOf, type Tensor, tensor } from "../tensor/index.ts";
import { StagedModel } from "./staged-model.ts";

/** Normalised pixels of a batch on the host, row-major [batch, channels, height, width]. */
export interface ImageInputs {
  readonly pixels: Float32Array;
  readonly batch: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** A model that tells the class of an image. Its stages and head work on [B, C, H, W]. */
export abstract class ImageClassifier extends StagedModel<ImageInputs, Tensor> {
  abstract override readonly gpu: Gpu;
  /** Class names in the order of the scores. */
  abstract readonly labels: readonly string[];
  /** Channels of the images it takes. */
  abstract readonly channels: number;

  /** @throws when images of this height and width do not go through the model: too small for a window of it. */
  checkImageSize(_height: number, _width: number): void {}

  /** @throws when the pixels do not fill the shape, the images have other channels than the model takes, or they are too small. */
  override prepare({ pixels, batch, channels, height, width }: ImageInputs): Tensor {
    const shape = [batch, channels, height, width];
    if (channels !== this.channels) {
      throw new Error(
        `images of shape ${formatShape(shape)} have ${channels} channels, the model takes ${this.channels}`,
      );
    }
    this.checkImageSize(height, width);
    if (pixels.length !== sizeOf(shape)) {
      throw new Error(`pixels: ${pixels.length} values do not fill images of shape ${formatShape(shape)}`);
    }
    return keep(tensor(pixels, shape, { gpu: this.gpu }));
  }

  override release(images: Tensor): void {
    images.dispose();
  }

  /** Cross-entropy of the scores [B, classes] with the classes [B]. */
  override loss(features: Tensor, labels: Tensor, reduction: "mean" | "sum", pass?: TrainingPass): Tensor {
    return crossEntropy(this.head(features, pass), labels, { reduction });
  }
}
