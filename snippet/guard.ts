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

/** Listens to the whole window before the page does, and never holds up a scroll. */
export function listen(type: string, react: (event: Event) => void): void {
  addEventListener(type, safely(react), { capture: true, passive: true });
}
