import { predictAndEvaluate } from "../../finetune/index.ts";
import type { Prediction, ReportContinuation, ReportSample, RunReport } from "../../finetune/report.ts";
import { encodePng, type Image, resize } from "../../io/index.ts";
import { argmax, GPT2, type StagedModel } from "../../models/index.ts";
import { promptIds, writeOn } from "../generation.ts";
import { SHOWN_WRITING } from "../shown-writing.ts";
import type { ShownExample, TaskRun } from "../tasks/task-run.ts";

/** Validation examples that are asked about at most, evenly spread over the set. */
const MOST_ASKED = 128;
/** Wrong ones that are shown at most, and right ones. */
const MOST_SHOWN = 6;
/** Longer side of a picture in the report, in pixels. */
const PICTURE_SIDE = 64;

/** What a report shows of the validation set. */
export type Samples = Pick<RunReport, "samples" | "sampled" | "continuations">;

/** A model that is asked. */
export interface AskedModel {
  /** What it says of validation examples, by their places. */
  tell(places: readonly number[]): Promise<readonly Prediction[]>;
  /** What a language model writes on from the task's prompts, in their order. */
  write(signal?: AbortSignal): Promise<readonly string[]>;
}

/** Asks a model when it is wanted. */
export const asking = <Host, Inputs>(task: TaskRun<Host, Inputs>, model: StagedModel<Host, Inputs>): AskedModel => ({
  async tell(places) {
    const { labels } = task.data;
    if (places.length === 0 || !labels) return [];
    const inputs = places.map((place) => inputOf(task.validation![place]));
    const { probabilities } = await predictAndEvaluate(model, task.unlabelled(inputs), {
      ...{ labels, batch: task.settings.evalBatch },
    });
    return probabilities.map((own) => ({ label: labels[argmax(own)], probability: own[argmax(own)] }));
  },
  async write(signal) {
    const { prompts, tokenizer, folder } = task;
    const writer: unknown = model;
    if (!(writer instanceof GPT2) || !tokenizer) return [];
    const texts: string[] = [];
    for (const prompt of prompts) {
      const ids = promptIds(tokenizer, prompt, writer.config, folder.directory.name);
      let text = "";
      for await (const piece of writeOn(writer, tokenizer, ids, { ...SHOWN_WRITING, signal })) text += piece.text;
      texts.push(text);
    }
    return texts;
  },
});

/**
 * Asks a model now, which will be another later, for all that may be wanted.
 *
 * @param signal ends what a language model writes; @returns null then
 */
export async function askedAhead<Host, Inputs>(
  task: TaskRun<Host, Inputs>,
  model: StagedModel<Host, Inputs>,
  signal?: AbortSignal,
): Promise<AskedModel | null> {
  const places = placesAsked(task.validation);
  const now = asking(task, model);
  const answers = await now.tell(places);
  const byPlace = new Map(places.map((place, i) => [place, answers[i]]));
  const written = await now.write(signal);
  // Half a text is not what it would have written.
  if (task.prompts.length > 0 && signal?.aborted) return null;
  return { tell: async (wanted) => wanted.map((place) => byPlace.get(place)!), write: async () => written };
}

/**
 * What a report shows of a model. Of a classifier validation examples: the surest of its mistakes, then right ones of each
 * class in turn. Of a language model what it writes on from the task's prompts.
 *
 * @param before the model as it was ahead of training; null where it is not to be had
 */
export async function takeSamples<Host, Inputs>(
  task: TaskRun<Host, Inputs>,
  after: AskedModel,
  before: AskedModel | null,
): Promise<Samples> {
  if (task.prompts.length > 0) return { samples: [], continuations: await takeContinuations(task, after, before) };
  const { validation } = task;
  const places = placesAsked(validation);
  if (!validation || places.length === 0) return { samples: [] };
  const answers = await after.tell(places);
  const answered = places.map((place, i) => ({ place, example: validation[place], after: answers[i] }));
  const isRight = ({ example, after }: Answered): boolean => example.label === after.label;
  const wrong = answered.filter((one) => !isRight(one)).sort((a, b) => b.after.probability - a.after.probability);
  const shown = [...wrong.slice(0, MOST_SHOWN), ...inTurn(answered.filter(isRight)).slice(0, MOST_SHOWN)];
  const were = before && (await before.tell(shown.map(({ place }) => place)));
  const samples = await Promise.all(
    shown.map(
      async ({ example: { text, label, image }, after }, i): Promise<ReportSample> => ({
        ...{ text, label, after, before: were?.[i] },
        picture: image && (await pictureOf(image)),
      }),
    ),
  );
  return { samples, sampled: { asked: places.length, wrong: wrong.length } };
}

async function takeContinuations(
  { prompts }: Pick<TaskRun, "prompts">,
  after: AskedModel,
  before: AskedModel | null,
): Promise<ReportContinuation[]> {
  const texts = await after.write();
  const were = before && (await before.write());
  return prompts.map((prompt, i) => ({ prompt, before: were?.[i], after: texts[i] }));
}

interface Answered {
  readonly place: number;
  readonly example: ShownExample;
  readonly after: Prediction;
}

/** The first of each class, then the second of each, and so on. */
function inTurn(answered: readonly Answered[]): Answered[] {
  const seen = new Map<string, number>();
  const turns = answered.map((one) => {
    const turn = seen.get(one.example.label) ?? 0;
    seen.set(one.example.label, turn + 1);
    return { one, turn };
  });
  // Sorting keeps the order of the data within a turn.
  return turns.sort((a, b) => a.turn - b.turn).map(({ one }) => one);
}

function placesAsked(validation: readonly ShownExample[] | null): number[] {
  const length = validation?.length ?? 0;
  const count = Math.min(length, MOST_ASKED);
  return Array.from({ length: count }, (_, i) => Math.floor((i * length) / count));
}

const inputOf = ({ text, image }: ShownExample): string | Image => image ?? text;

/** A small picture as an address that holds it. */
async function pictureOf(image: Image): Promise<string> {
  const scale = Math.min(1, PICTURE_SIDE / Math.max(image.height, image.width));
  const side = (length: number): number => Math.max(1, Math.round(length * scale));
  const bytes = await encodePng(resize(image, side(image.height), side(image.width)));
  return `data:image/png;base64,${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))}`;
}
