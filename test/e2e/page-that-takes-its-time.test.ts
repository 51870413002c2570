/** A page that comes in pieces: what the parser adds is right before it is painted, long before the page is complete. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Ground, NUMBER_PAGE, numberShown, openGround } from '../support/ground.js';

let ground: Ground;
beforeAll(async () => {
  ground = await openGround();
});
afterAll(() => ground.close());

/** Notes what each frame is going to paint. */
const RECORDER = `<script>
  window.painted = [];
  (function look() {
    requestAnimationFrame(() => {
      const { textContent } = document.getElementById('late') || {};
      if (textContent) painted.push(document.readyState + ' ' + textContent.replace(/\\D/g, ''));
      look();
    });
  })();
</script>`;
const LATE = '{{pause}}<p id="late"><b>(305)</b> <i>555-</i>{{pause}}0100</p>{{pause}}<p>The end</p>';

for (const tag of ['', 'async']) {
  test(`a number in a later piece, split over two of them, ${tag || 'not async'}`, async () => {
    const { page, context, troubles } = await ground.open({ tag: '' });
    const number = (await numberShown(page)).slice(2);
    const slow = await ground.open({
      context,
      tag,
      foot: RECORDER,
      html: NUMBER_PAGE + LATE,
    });
    const painted: string[] = await slow.page.evaluate('painted');
    const whole = painted.filter((frame) => /\d{10}/.test(frame));
    expect(whole[0]).toBe(`loading ${number}`);
    expect(whole.filter((frame) => !frame.endsWith(number))).toEqual([]);
    expect(slow.swaps()).toHaveLength(1);
    expect([...troubles, ...slow.troubles]).toEqual([]);
  });
}

test('a number in a later piece of a long page', async () => {
  const { page, swaps, troubles } = await ground.open({
    tag: '',
    foot: RECORDER,
    html: `${NUMBER_PAGE}${'<p>word</p>'.repeat(5000)}${LATE}{{pause}}`,
  });
  const number = (await numberShown(page)).slice(2);
  const painted: string[] = await page.evaluate('painted');
  expect(painted.find((frame) => frame.endsWith(number))).toBe(`loading ${number}`);
  expect(painted.at(-1)).toMatch(number);
  expect(swaps()).toHaveLength(1);
  // What comes once it is complete is right before it is painted, as ever.
  const added = await page.evaluate(async () => {
    const late = document.getElementById('late') as HTMLElement;
    late.innerHTML = '<b>(305)</b> 555-0100';
    await Promise.resolve();
    return late.textContent;
  });
  expect(added?.replace(/\D/g, '')).toBe(number);
  expect(troubles).toEqual([]);
});

test('a number that a script puts into an earlier piece, as a streamed app does', async () => {
  const { page, swaps, troubles } = await ground.open({
    foot: RECORDER,
    html: `<p id="n">Nothing yet</p><p id="late"></p>{{pause}}<template id="t"><b>(305)</b> 555-0100</template>
      <script>late.append(t.content)</script>{{pause}}{{pause}}<p>The end</p>`,
  });
  const painted: string[] = await page.evaluate('painted');
  expect(painted.at(-1)).not.toMatch(/3055550100$/);
  expect(painted.find((frame) => !frame.endsWith('3055550100'))).toMatch(/^loading /);
  expect(swaps().flatMap(({ targets }) => targets)).toEqual(['+13055550100']);
  expect(troubles).toEqual([]);
});

test.each([
  [
    'a script that is deferred',
    '<script defer src="{{base}}/plain.js"></script>',
    '<p id="late">305-555-0100</p>',
  ],
  ['a widget for WhatsApp', '', '<div id="whatsapp"><p id="late">305-555-0100</p></div>'],
])('%s, and a picture that is slow to come, hold up nothing', async (_name, foot, html) => {
  const { page, troubles } = await ground.open({
    foot: RECORDER + foot,
    html: `${html}<img alt="" src="{{base}}/slow.svg">`,
    fault: async (response, { path }) => {
      if (!/slow|plain/.test(path)) return false;
      if (path.includes('slow')) await new Promise((done) => setTimeout(done, 3000));
      const type = path.includes('slow') ? 'image/svg+xml' : 'text/javascript';
      response.writeHead(200, { 'content-type': type }).end();
    },
  });
  const number = (await numberShown(page, '#late')).slice(2);
  expect(await page.evaluate('painted')).toContain(`interactive ${number}`);
  expect(troubles).toEqual([]);
});
