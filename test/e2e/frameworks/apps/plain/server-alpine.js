/** What the server writes for Alpine: attributes that tell how the page goes on. */
import { documentOf } from '../document.js';
import { FAX, HEADING, LINK, TEL } from '../model.js';

const HTML = `<main x-data="bluebird">
<p x-show="state.banner" data-number="${LINK}">${LINK}</p>
<template x-if="state.route === 'home'"><section>
<template x-if="state.heading === 'split'"><h1 data-number="${HEADING}">Call <b>(305)</b> <span>555</span>-0100</h1></template>
<template x-if="state.heading === 'plain'"><h1 data-number="${HEADING}" x-text="HEADING"></h1></template>
<p id="text" :data-number="textOf(state.words)" x-text="textOf(state.words)"></p>
<p id="fax" data-number="${FAX}">Fax <i>(305)</i> 555-0100.</p>
<p><a id="link" :href="state.tel" data-number="${LINK}">${LINK}</a> seen <i x-text="state.tick"></i></p>
</section></template>
<template x-if="state.route === 'contact'"><section>Write to us, or call <b data-number="${LINK}">${LINK}</b></section></template>
<ul><template x-for="id in state.items" :key="id"><li>
<span :data-number="deskOf(id)" x-text="deskOf(id)"></span><a href="${TEL}">ring</a> seen <i x-text="state.tick"></i>
</li></template></ul>
<button id="count" type="button" @click="increase" x-text="'Clicks: ' + state.count">Clicks: 0</button>
</main>`;

export async function render(page, write) {
  write(documentOf(page, HTML));
}
