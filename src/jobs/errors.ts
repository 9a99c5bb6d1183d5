/** How a setting is called where the error is shown: `maxLength` in a page, `--max-length` on a command line. */
export type Naming = (setting: string) => string;

const plainly: Naming = (setting) => setting;

/** A job that cannot be run as it is. Its message names settings, which a command line has other names for. */
export class JobError extends Error {
  override name = "JobError";
  readonly #text: (name: Naming) => string;

  /** @param text the message, given how to call a setting */
  constructor(text: (name: Naming) => string) {
    super(text(plainly));
    this.#text = text;
  }

  /** The message with the settings called as the reader knows them. */
  messageWith(name: Naming): string {
    return this.#text(name);
  }
}

/** A setting that is wrong by itself, or does not go with the task, the model or another setting. */
export class SettingError extends JobError {
  override name = "SettingError";
}
