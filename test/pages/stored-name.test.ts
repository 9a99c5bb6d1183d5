import { expect, it } from "vitest";
import { storedName } from "../../demo/shared/storage-panel.ts";

it.each([
  ["models/hub/openai-community/gpt2@main", "Model openai-community/gpt2, from the Hub"],
  ["models/hub/gpt2@refs-pr-1", "Model gpt2@refs-pr-1, from the Hub"],
  ["models/url/http-/localhost-8080/assets/gpt2-mini-en", "Model gpt2-mini-en"],
  ["session", "The last run on texts"],
  ["session-images", "The last run on images"],
  ["other", "other"],
])("calls what is stored as people do: %s", (path, name) => {
  expect(storedName(path)).toBe(name);
});
