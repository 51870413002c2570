/** Shows what a page hid until the swap, whatever became of the swap. */
export function reveal(): void {
  for (const element of document.querySelectorAll<HTMLElement>('.phoneswap')) {
    if (getComputedStyle(element).visibility === 'hidden') element.style.visibility = 'visible';
  }
}
