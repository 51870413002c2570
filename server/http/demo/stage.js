// The stage: the pasted page as its visitor has it. The playground beside it says in sessionStorage what the visitor is
// like, and hears by events on the frame what the script does. Nothing of the script itself is changed: it is told
// another referrer, and what it sends and prints is noted down on its way.
(() => {
  const frame = window.frameElement;
  const run = frame && JSON.parse(sessionStorage.getItem('playground') ?? 'null');
  const { script } = document.currentScript.dataset;
  document.currentScript.remove();
  if (!run) {
    document.body.textContent = 'This page is a part of /demo/play.';
    return;
  }
  const tell = (kind, what) => frame.dispatchEvent(new CustomEvent('stage', { detail: { kind, what } }));

  // Parsed so, no script of the page ever runs.
  const pasted = new DOMParser().parseFromString(run.html, 'text/html');
  for (const element of pasted.querySelectorAll('meta[http-equiv],base,link')) element.remove();
  document.title = pasted.title;
  document.body.className = pasted.body.className;
  const styles = [...pasted.head.querySelectorAll('style')];
  const nodes = [...pasted.body.childNodes];

  const SCENES = {
    plain: () => document.body.append(...styles, ...nodes),
    shadow() {
      const root = document.body.appendChild(document.createElement('div')).attachShadow({ mode: 'open' });
      root.append(...styles, ...nodes);
    },
    server() {
      const root = Object.assign(document.createElement('div'), { id: 'root' });
      root.append(...nodes);
      document.body.append(...styles, root);
    },
    renders() {
      const box = document.body.appendChild(document.createElement('div'));
      const render = () => box.replaceChildren(...[...styles, ...nodes].map((node) => node.cloneNode(true)));
      render();
      setInterval(render, 1000);
    },
    insists() {
      document.body.append(...styles, ...nodes);
      const own = [];
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) own.push([walker.currentNode, walker.currentNode.data]);
      setInterval(() => {
        for (const [node, text] of own) if (node.data !== text) node.data = text;
      }, 1000);
    },
  };
  SCENES[run.scene]();

  // A link or a form here is for trying: the script hears of it before this does.
  addEventListener('click', (event) => {
    if (event.composedPath()[0].closest?.('a,area')) event.preventDefault();
  });
  addEventListener('submit', (event) => event.preventDefault());
  if (frame.id === 'before') {
    tell('ready');
    return;
  }

  const pretend = (where, name, value) => Object.defineProperty(where.prototype, name, { get: () => value });
  pretend(Document, 'referrer', run.referrer);
  if (run.consent === 'gpc') pretend(Navigator, 'globalPrivacyControl', true);

  const print = console.info;
  console.info = (...words) => {
    if (words[0] === 'calltrk') tell('said', { code: words[1], about: words[2] });
    print.apply(console, words);
  };
  const realFetch = window.fetch;
  window.fetch = async (address, options) => {
    const sent = { way: 'fetch', address: String(address), body: options?.body };
    const answer = await realFetch(address, options).catch((error) => {
      tell('request', { ...sent, answer: 'no answer' });
      throw error;
    });
    tell('request', { ...sent, answer: answer.status });
    if (run.consent === 'withdrawn' && !isWithdrawn) {
      isWithdrawn = true;
      // Long enough to be seen.
      setTimeout(() => decide('denied'), 1500);
    }
    return answer;
  };
  const realBeacon = navigator.sendBeacon;
  navigator.sendBeacon = (address, body) => {
    const isTaken = realBeacon.call(navigator, address, body);
    tell('request', { way: 'beacon', address: String(address), body, answer: isTaken ? 'taken' : 'refused' });
    return isTaken;
  };

  let isWithdrawn = false;
  const decide = (choice) => {
    tell('chose', choice);
    window.CallTrk?.consent?.(choice);
  };
  const tag = document.createElement('script');
  tag.src = script;
  if (!['none', 'gpc'].includes(run.consent)) tag.dataset.consent = 'wait';
  tag.onload = () => {
    tell('ready');
    if (run.consent === 'granted' || run.consent === 'withdrawn') decide('granted');
    if (run.consent === 'denied') decide('denied');
  };
  tag.onerror = () => tell('failed');
  document.head.append(tag);
})();
