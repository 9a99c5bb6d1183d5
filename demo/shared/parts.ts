import { byId, h } from "./dom.ts";
import { icon } from "./icons.ts";

/** A numbered part of a page: `<section class="part" id="…" data-label="…">` with `.part-body` and `.waiting-for`. */
export interface Part {
  readonly body: HTMLElement;
  /** Shows the part's contents, or a line that says what they wait for. */
  setReady(isReady: boolean): void;
  /** Ticks the part off in the rail. */
  setDone(isDone: boolean): void;
}

/** Fills the rail with the parts of the page, follows the reader through them, and gives each part by its id. */
export function readParts(): (id: string) => Part {
  const sections = [...document.querySelectorAll<HTMLElement>("section.part")];
  const links = new Map(
    sections.map((section, i) => [
      section.id,
      h(
        "a",
        { href: `#${section.id}` },
        h("span", { class: "dot" }, h("span", { class: "digit" }, i + 1), icon("check")),
        h("span", { class: "label" }, section.dataset.label),
        h("span", { class: "visually-hidden state" }),
      ),
    ]),
  );
  byId("rail").append(
    h(
      "ol",
      {},
      [...links.values()].map((link) => h("li", {}, link)),
    ),
  );
  const visible = new Set<string>();
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) visible[isIntersecting ? "add" : "delete"](target.id);
      // Above the first part, which begins below what is looked at, the first is current.
      const isAbove = sections[0].getBoundingClientRect().top > 0;
      const current = sections.find(({ id }) => visible.has(id))?.id ?? (isAbove ? sections[0].id : undefined);
      if (current === undefined) return;
      for (const [id, link] of links) {
        if (id === current) link.setAttribute("aria-current", "step");
        else link.removeAttribute("aria-current");
      }
    },
    { rootMargin: "-30% 0px -55% 0px" },
  );
  for (const section of sections) observer.observe(section);
  return (id) => {
    const section = byId(id);
    const link = links.get(id)!;
    return {
      body: section.querySelector<HTMLElement>(".part-body")!,
      setReady: (isReady) => section.classList.toggle("waiting", !isReady),
      setDone(isDone) {
        link.classList.toggle("done", isDone);
        link.querySelector(".state")!.textContent = isDone ? " (done)" : "";
      },
    };
  };
}
