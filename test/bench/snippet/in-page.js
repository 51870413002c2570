/** What the benches of the script do in the page. The page has `bare.js` before it, and swap.js where it says so. */
window.bench = (() => {
  // `done` itself is native: a trace could not tell whose task it runs in.
  const wait = (ms) => new Promise((done) => setTimeout(() => done(), ms));
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done())));
  const digits = (text) => text.replace(/\D/g, '').slice(-10);

  /** Whether every place of the number, text and link, says this one. */
  function isShown(number) {
    return [...document.querySelectorAll('.spot')].every(
      (spot) =>
        digits(spot.textContent) === number &&
        (!spot.href || digits(decodeURIComponent(spot.href)) === number),
    );
  }

  async function untilShown(number) {
    const end = performance.now() + 20_000;
    while (!isShown(number)) {
      if (performance.now() > end) throw new Error(`the page does not show ${number} everywhere`);
      await wait(20);
    }
  }

  /** Calls `work` from a task of its own, so that a trace books it on the file it is from; what follows within `restMs` too. */
  async function measured(name, work, number, restMs) {
    await wait(30);
    performance.mark(`begin ${name}`);
    setTimeout(work);
    await wait(10);
    if (number) await untilShown(number);
    await wait(restMs);
    performance.mark(`end ${name}`);
  }

  /** Inserts `batches` lists, item by item, each list in a task and a frame of its own; answers how many kept the site's number. */
  async function insert(name, batches, size, numberEvery) {
    const feed = document.createElement('div');
    document.body.append(feed);
    let place = 0;
    const one = () => {
      // A list a batch: in one list, layout of what is there already would outweigh all else.
      const list = document.createElement('ul');
      feed.append(list);
      for (let at = 0; at < size; at++, place++) {
        const item = document.createElement('li');
        const text =
          place % numberEvery === 0
            ? 'Call us on (305) 555-0100 today'
            : `Item ${place} of the list, $${place}.99 each`;
        item.append(document.createTextNode(text));
        list.append(item);
      }
    };
    performance.mark(`begin ${name}`);
    for (let batch = 0; batch < batches; batch++) {
      await new Promise((done) =>
        setTimeout(() => {
          one();
          done();
        }),
      );
      await frame();
    }
    await wait(100);
    performance.mark(`end ${name}`);
    const wrong = [...feed.querySelectorAll('li')].filter((item) => item.textContent.includes('0100')).length;
    feed.remove();
    await frame();
    return wrong;
  }

  return { wait, frame, untilShown, measured, insert };
})();
