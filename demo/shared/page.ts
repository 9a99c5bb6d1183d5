import { byId, fill, h } from "./dom.ts";
import { themeSwitch } from "./theme.ts";
import { showError } from "./toasts.ts";

/** Puts the switch of colours in place, marks the page's own link, keeps the page for use without a network. */
export function startPage(): void {
  byId("theme").replaceWith(themeSwitch());
  // Some hosts leave the ending away.
  const here = (location.pathname.split("/").pop() || "index").replace(/\.html$/, "");
  for (const link of document.querySelectorAll<HTMLAnchorElement>(".top nav a")) {
    if (link.getAttribute("href") === `./${here}.html`) link.setAttribute("aria-current", "page");
  }
  addEventListener("unhandledrejection", ({ reason }) => showError("Something went wrong", reason));
  addEventListener("error", ({ error, message }) => showError("Something went wrong", error ?? message));
  if ("serviceWorker" in navigator && isSecureContext) addEventListener("load", keepOffline);
  // A file dropped beside a field would else replace the page, and a run with it.
  for (const type of ["dragover", "drop"]) addEventListener(type, (event) => event.preventDefault());
}

async function keepOffline(): Promise<void> {
  const status = byId("offline");
  try {
    const { installing } = await navigator.serviceWorker.register("./service-worker.js");
    await Promise.race([navigator.serviceWorker.ready, whenGivenUp(installing)]);
    fill(status, "Works without a network from now on.");
  } catch {
    fill(status, "This browser does not keep the page for use without a network.");
  }
}

/** Rejects when a worker could not be installed, for want of room for instance: nothing would be ready then, ever. */
function whenGivenUp(worker: ServiceWorker | null): Promise<never> {
  return new Promise((_, reject) => {
    worker?.addEventListener("statechange", () => {
      if (worker.state === "redundant") reject(new Error("the pages could not be kept"));
    });
  });
}

/** A calm box for what a person should know before going on, with buttons. */
export function notice(options: {
  readonly title: string;
  readonly text: string;
  readonly kind?: "problem";
  readonly details?: readonly string[];
  readonly actions?: readonly HTMLElement[];
}): HTMLElement {
  const { title, text, kind, details = [], actions = [] } = options;
  return h(
    "div",
    { class: `notice${kind ? ` ${kind}` : ""}`, role: kind === "problem" ? "alert" : "status" },
    h(
      "div",
      {},
      h("h3", {}, title),
      h("p", {}, text),
      details.length > 0 &&
        h(
          "ul",
          {},
          details.map((line) => h("li", {}, line)),
        ),
    ),
    actions.length > 0 && h("div", { class: "actions" }, actions),
  );
}
