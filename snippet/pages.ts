/** When the page becomes another one without being loaded: routes of single-page apps. */

/** The page that was told of last, and the one that was there at the last look. */
let told = pageNow();
let seen = told;

/**
 * Whether this is another page than last time, which is asked again and again: one that stayed from one look to the
 * next, since apps lead on at once, and a route's title often comes after its address.
 */
export function isNewPage(): boolean {
  const now = pageNow();
  const isNew = now === seen && now !== told;
  seen = now;
  if (isNew) told = now;
  return isNew;
}

/** A fragment is part of the page only if it looks like a path. */
function pageNow(): string {
  return location.href.replace(/#(?![!/]).*/, '');
}
