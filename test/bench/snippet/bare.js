/** The yardstick: what any script must do at least that looks at all text of a page. */
window.bare = () => {
  const walker = document.createTreeWalker(document, NodeFilter.SHOW_TEXT);
  let count = 0;
  let length = 0;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    count++;
    length += node.nodeValue.length;
  }
  window.bareRead = { count, length };
};
if ('now' in document.currentScript.dataset) window.bare();
