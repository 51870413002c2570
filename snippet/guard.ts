/**
 * The door between the page and us: what the browser calls goes through here, so that no fault of ours ever
 * reaches the page. There is nobody to tell: the page goes on with its own numbers.
 */
export function safely<A extends unknown[], R>(work: (...args: A) => R): (...args: A) => R | undefined {
  return (...args) => {
    try {
      return work(...args);
    } catch {
      return undefined;
    }
  };
}

/** Listens to a whole window, document or shadow root before the page does, and never holds up a scroll. */
export function listen(type: string, react: (event: Event) => void, where: EventTarget = window): void {
  where.addEventListener(type, safely(react), { capture: true, passive: true });
}

/** `work`, so many milliseconds from now. */
export function later(ms: number, work: () => void): void {
  setTimeout(safely(work), ms);
}

/** What the page may do to these later is nothing to us. */
export const { parse, stringify } = JSON;
