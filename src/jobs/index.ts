export { type CommandPaths, commandOf } from "./command.ts";
export { JobError, type Naming, SettingError } from "./errors.ts";
export {
  type DataSource,
  dataName,
  type FineTuneJob,
  type LabelledImage,
  type ModelSource,
  modelName,
} from "./job.ts";
export { type FullSettings, fullSettings, type JobSettings, SETTING_NAMES } from "./settings.ts";
export { SHOWN_WRITING } from "./shown-writing.ts";
