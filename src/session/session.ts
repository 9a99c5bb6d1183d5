import type { Evaluation, Plan } from "../finetune/index.ts";
import type { AdapterDescription } from "../gpu/index.ts";
import type { DataSource, FineTuneJob, ModelSource } from "../jobs/index.ts";
import { requireObject } from "../tensor/require-kind.ts";
import { Connection, type PieceStream, type Port } from "./connection.ts";
import type { HostOptions } from "./host/host.ts";
import { watchLife } from "./life.ts";
import type {
  DataDescription,
  EvaluateRequest,
  GenerateRequest,
  ModelInspection,
  Prediction,
  PredictRequest,
  SavedModel,
  SessionEvent,
  SessionOptions,
  SessionRun,
  SessionState,
  StoredRun,
  TrainingSession,
} from "./types.ts";

const DEFAULT_STORAGE = "session";

const WORKER_ENDED =
  "the browser has ended the session's worker, probably for want of memory; open another session, which can pick up " +
  "the run that was kept";

/** The other end of the messages, and how it is given up. */
interface Place {
  readonly port: Port;
  close(): void;
}

/**
 * Fine-tuning behind messages. See {@link TrainingSession}.
 *
 * @example
 * const session = await FineTuneSession.open({ worker: new URL("./session-worker.js", import.meta.url) });
 * for await (const event of session.start(job)) if (event.type === "step") chart.add(event.step, event.loss);
 * const { files, command } = await session.save();
 */
export class FineTuneSession implements TrainingSession {
  #state: SessionState = "idle";
  #closing: Promise<void> | null = null;

  /**
   * Starts the worker and opens a GPU in it.
   *
   * @throws WebGpuUnavailableError, with what is missing, where the browser has no GPU to offer; Error where the worker cannot
   * be started.
   */
  static async open(options: SessionOptions & Pick<HostOptions, "openGpu"> = {}): Promise<FineTuneSession> {
    requireObject("FineTuneSession.open", options, "options such as { worker: new URL(…) }");
    const { worker, gpu, cache, settingNames, storage = DEFAULT_STORAGE, openGpu } = options;
    const folder = typeof storage === "object" ? storage : undefined;
    if (worker !== "here" && (folder || openGpu)) {
      throw new Error('a folder or a GPU that is an object goes with worker: "here"');
    }
    const place = worker === "here" ? await openHere({ folder, openGpu }) : openWorker(worker);
    const connection = new Connection(place.port);
    const ended = new AbortController();
    const close = place.close;
    place.close = () => {
      ended.abort();
      close();
    };
    try {
      watch(place.port, connection);
      const asked = { gpu, cache, settingNames, storage: typeof storage === "object" ? (false as const) : storage };
      const { adapter, life } = await connection.call("open", asked);
      if (life) watchLife(life, ended.signal, () => connection.fail(new Error(WORKER_ENDED)));
      return new FineTuneSession(connection, place, adapter);
    } catch (error) {
      place.close();
      throw error;
    }
  }

  private constructor(
    private readonly connection: Connection,
    private readonly place: Place,
    readonly adapter: AdapterDescription,
  ) {}

  get state(): SessionState {
    return this.#state;
  }

  inspect(model: ModelSource, job?: Partial<FineTuneJob>): Promise<ModelInspection> {
    return this.connection.call("inspect", fromPage(model), job && sentJob(job));
  }

  describeData(job: FineTuneJob): Promise<DataDescription> {
    return this.connection.call("describeData", sentJob(job));
  }

  plan(job: FineTuneJob): Promise<Plan> {
    return this.connection.call("plan", sentJob(job));
  }

  start(job: FineTuneJob): SessionRun {
    this.#requireIdle();
    return this.#follow(this.connection.stream("start", sentJob(job)));
  }

  pickUp(): SessionRun {
    this.#requireIdle();
    return this.#follow(this.connection.stream("pickUp"));
  }

  async pause(): Promise<void> {
    await this.connection.call("pause");
  }

  async resume(): Promise<void> {
    await this.connection.call("resume");
  }

  async cancel(): Promise<void> {
    await this.connection.call("cancel");
  }

  predict(request: PredictRequest): Promise<Prediction[]> {
    return this.connection.call("predict", sentRequest(request));
  }

  generate(request: GenerateRequest): AsyncIterable<string> {
    return this.connection.stream("generate", sentRequest(request));
  }

  evaluate(request: EvaluateRequest): Promise<Evaluation> {
    return this.connection.call("evaluate", sentRequest(request));
  }

  save(): Promise<SavedModel> {
    return this.connection.call("save");
  }

  stored(): Promise<StoredRun | null> {
    return this.connection.call("stored");
  }

  async untilFree(): Promise<void> {
    await this.connection.call("untilFree");
  }

  async forget(): Promise<void> {
    await this.connection.call("forget");
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      await this.connection.call("close");
    } catch (error) {
      // A worker that has failed has nothing left to close.
      if (!this.connection.hasFailed) throw error;
    } finally {
      this.connection.fail(new Error("the session is closed"));
      this.place.close();
      this.#state = "idle";
    }
  }

  #requireIdle(): void {
    if (this.#closing) throw new Error("the session is closed");
    if (this.#state === "idle") return;
    throw new Error("a run is under way; cancel it, or wait for its end, before another is started");
  }

  #follow(stream: PieceStream<SessionEvent>): SessionRun {
    this.#state = "running";
    stream.onPiece = ({ type }) => {
      if (type === "paused") this.#state = "paused";
      if (type === "resumed") this.#state = "running";
    };
    stream.onEnd = () => {
      this.#state = "idle";
    };
    return stream;
  }
}

/** A source whose address counts from the page, as it is written there: in the worker it would count from the worker's. */
function fromPage<S extends ModelSource | DataSource>(source: S): S {
  const base = globalThis.document?.baseURI ?? globalThis.location?.href;
  if (source?.kind !== "url" || typeof source.url !== "string" || base === undefined) return source;
  return { ...source, url: new URL(source.url, base).href };
}

/** What is no job is sent as it is, and refused where jobs are checked. */
function sentJob<J extends Partial<FineTuneJob>>(job: J): J {
  if (typeof job !== "object" || job === null) return job;
  const { model, data, valid } = job;
  return {
    ...job,
    ...(model && { model: fromPage(model) }),
    ...(data && { data: fromPage(data) }),
    ...(valid && { valid: fromPage(valid) }),
  };
}

const sentRequest = <R extends { readonly job?: FineTuneJob }>(request: R): R => ({
  ...request,
  ...(request?.job && { job: sentJob(request.job) }),
});

async function openHere(options: HostOptions): Promise<Place> {
  const { serveHere } = await import("./here.ts");
  return serveHere(options);
}

function openWorker(worker: Exclude<SessionOptions["worker"], "here">): Place {
  const isOwn = typeof worker !== "object" || worker instanceof URL;
  if (isOwn && typeof Worker === "undefined") throw new Error('there are no workers here; open with worker: "here"');
  const made = isOwn
    ? new Worker(worker ?? new URL("./session-worker.js", import.meta.url), { type: "module", name: "graft" })
    : worker;
  return { port: made as Port, close: () => made.terminate() };
}

/** A worker that breaks ends everything that is asked of it. */
function watch(port: Port, connection: Connection): void {
  const worker = port as Partial<Worker>;
  if (!worker.addEventListener || !("onerror" in worker)) return;
  worker.addEventListener("error", (event: ErrorEvent) => {
    const why = event.message || "it could not be loaded; is its address right, and allowed by the page's policy?";
    connection.fail(new Error(`the session's worker failed: ${why}`));
  });
  worker.addEventListener("messageerror", () => {
    connection.fail(new Error("a message of the session's worker could not be read"));
  });
}
