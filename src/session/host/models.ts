import { type Evaluation, predictAndEvaluate } from "../../finetune/index.ts";
import { checkJob } from "../../jobs/check.ts";
import { promptIds, writeOn } from "../../jobs/generation.ts";
import type { FineTuneJob } from "../../jobs/index.ts";
import type { TaskRun } from "../../jobs/tasks/task-run.ts";
import { type AskedModel, asking } from "../../jobs/training/samples.ts";
import { argmax, GPT2, type StagedModel } from "../../models/index.ts";
import { describeKind, requireList } from "../../tensor/require-kind.ts";
import type { EvaluateRequest, GenerateRequest, Prediction, PredictRequest, Which } from "../types.ts";
import type { Device } from "./device.ts";
import { imageOf, readingKey } from "./reader.ts";
import type { TrainedModel } from "./run.ts";
import type { Sources } from "./sources.ts";

export const LOST_WITH_DEVICE =
  "the GPU device was lost, and the trained model with it; pick the run up to have it again";

/** Tokens that are written on, when nothing is asked for. */
const DEFAULT_NEW_TOKENS = 60;

interface Asked {
  readonly task: TaskRun;
  readonly model: StagedModel<unknown, unknown>;
}

export interface ModelsParts {
  readonly device: Device;
  readonly sources: Sources;
  /** The model that is trained or was, and its job; null before the first. */
  trained(): TrainedModel | null;
  job(): FineTuneJob | null;
}

/** Asks models what they make of inputs: the one that is trained, and the one that the run began with. */
export class Models {
  #before: (Asked & { key: string }) | null = null;

  constructor(private readonly parts: ModelsParts) {}

  /** Probabilities of the classes, for each text or image. */
  async predict({ texts, images, which, job }: PredictRequest): Promise<Prediction[]> {
    if ((texts === undefined) === (images === undefined)) throw new Error("predict: give either texts or images");
    if (texts) requireList("predict", texts, "texts as an array of strings");
    else requireList("predict", images, "images as an array");
    const { task, model } = await this.#asked(which, job);
    const inputs = texts ?? (await Promise.all(images!.map((image, i) => imageOf(image, `image ${i}`))));
    const { labels } = task.data;
    if (inputs.length === 0) return [];
    const { probabilities } = await predictAndEvaluate(model, task.unlabelled(inputs), { labels });
    return probabilities.map((own) => {
      const classes = labels!.map((label, k) => ({ label, probability: own[k] }));
      const best = classes[argmax(own)];
      // Of equal ones the first is the best, as `argmax` has it: sorting keeps their order.
      return { ...best, classes: [...classes].sort((a, b) => b.probability - a.probability) };
    });
  }

  async evaluate({ which, job }: EvaluateRequest): Promise<Evaluation> {
    const { task, model } = await this.#asked(which, job);
    const { valid, labels } = task.data;
    if (!valid || valid.length === 0) throw new Error("evaluate: the job has no examples for validation");
    const { evaluation } = await predictAndEvaluate(model, valid, { labels, batch: task.settings.evalBatch });
    return evaluation;
  }

  /** Asks the model that a job begins with, for the report. */
  askingBefore(job: FineTuneJob): AskedModel {
    const begin = async (): Promise<AskedModel> => {
      const { task, model } = await this.#asked("before", job);
      return asking(task, model);
    };
    return {
      tell: async (places) => (await begin()).tell(places),
      write: async (signal) => (await begin()).write(signal),
    };
  }

  /** Writes on from a prompt; `onText` is given each piece. */
  async generate(
    request: GenerateRequest,
    onText: (text: string) => Promise<void> | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { prompt, which, job, maxNewTokens = DEFAULT_NEW_TOKENS, ...sampling } = request;
    if (typeof prompt !== "string") {
      throw new TypeError(`generate: expected a prompt as a string, got ${describeKind(prompt)}`);
    }
    const { task, model } = await this.#asked(which, job);
    if (!(model instanceof GPT2)) throw new Error("generate: the model is a classifier; a language model is needed");
    const ids = promptIds(task.tokenizer!, prompt, model.config, task.folder.directory.name);
    const options = { ...sampling, maximumNewTokens: maxNewTokens, signal };
    for await (const { text } of writeOn(model, task.tokenizer!, ids, options)) {
      if (text !== "") await onText(text);
    }
  }

  /** Gives the model before training back. */
  release(): void {
    this.#before?.model.dispose();
    this.#before = null;
  }

  async #asked(which: Which, job: FineTuneJob | undefined): Promise<Asked> {
    const { trained, sources, device } = this.parts;
    if (which !== "before" && which !== "after") {
      throw new Error(`which: expected "before" or "after", got ${JSON.stringify(which)}`);
    }
    if (which === "after") {
      const now = trained();
      if (now && !now.model.gpu.isLost) return now;
      throw new Error(now ? LOST_WITH_DEVICE : "there is no trained model yet: start a job first");
    }
    const asked = job ?? this.parts.job();
    if (!asked) throw new Error("there is no model yet: start a job first, or give one with the question");
    checkJob(asked);
    const key = readingKey(asked);
    if (this.#before?.model.gpu.isLost) this.release();
    if (this.#before?.key !== key) {
      this.release();
      const task = await sources.prepare(asked, null);
      this.#before = { key, task, model: await task.load(await device.get()) };
    }
    return this.#before;
  }
}
