import { fill, h } from "./dom.ts";
import { showError } from "./toasts.ts";

export interface CodeBlock {
  readonly element: HTMLElement;
  set(text: string): void;
}

/** Text to be copied, with a button that does it and says so. */
export function codeBlock(label: string): CodeBlock {
  const code = h("code", {});
  const button = h(
    "button",
    {
      class: "button small",
      type: "button",
      "aria-live": "polite",
      onclick: async () => {
        try {
          await navigator.clipboard.writeText(code.textContent ?? "");
        } catch (error) {
          return showError("The text could not be copied", error);
        }
        button.textContent = "Copied";
        setTimeout(() => {
          button.textContent = "Copy";
        }, 2000);
      },
    },
    "Copy",
  );
  return {
    element: h("div", { class: "code" }, h("pre", { tabindex: 0, "aria-label": label }, code), button),
    set(text) {
      // Lines break between options, never within one.
      const parts = text.split(/ (?=--)/);
      fill(
        code,
        parts.map((part, i) => [i > 0 && " ", h("span", { class: "option" }, part)]),
      );
    },
  };
}
