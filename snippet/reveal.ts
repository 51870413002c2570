/**
 * Shows what a page hid until the swap, whatever became of the swap, as far as what it stands in is shown. It leans on
 * as little as can be of what a page may have replaced.
 */
export function reveal(): void {
  try {
    const hidden = document.getElementsByClassName('phoneswap');
    for (let n = 0; hidden[n]; n++) {
      const element = hidden[n] as HTMLElement;
      if (getComputedStyle(element).visibility === 'hidden') element.style.visibility = 'inherit';
    }
  } catch {}
}

/**
 * After this long it is shown at the latest, and so is what comes to the page later. This is the first module to run:
 * whatever fails, this does not.
 */
const REVEAL_MS = 900;
setInterval(reveal, REVEAL_MS);
