/** Angular without its build: templates are compiled where they run, on the server and in the browser. */
import '@angular/compiler';
import { Component, provideZonelessChangeDetection, signal } from '@angular/core';
import { provideClientHydration } from '@angular/platform-browser';
import { deskOf, FAX, firstState, HEADING, LINK, TEL, textOf } from '../model.js';

export const App = Component({
  selector: 'app-root',
  template: `<main>
    @if (state().banner) { <p [attr.data-number]="LINK">{{ LINK }}</p> }
    @if (state().route === 'home') {
      <section>
        @if (state().heading === 'split') {
          <h1 [attr.data-number]="HEADING">Call <b>(305)</b>&ngsp;<span>555</span>-0100</h1>
        } @else if (state().heading === 'plain') {
          <h1 [attr.data-number]="HEADING">{{ HEADING }}</h1>
        }
        <p id="text" [attr.data-number]="textOf(state().words)">{{ textOf(state().words) }}</p>
        <p id="fax" [attr.data-number]="FAX">Fax (305) {{ '555-0100' }}.</p>
        <p><a id="link" [attr.href]="state().tel" [attr.data-number]="LINK">{{ LINK }}</a> seen {{ state().tick }}</p>
      </section>
    } @else if (state().route === 'contact') {
      <section>Write to us, or call <b [attr.data-number]="LINK">{{ LINK }}</b>{{ state().tick % 2 ? ' now' : '' }}</section>
    }
    <ul>
      @for (id of state().items; track deskOf(id)) {
        <li><span [attr.data-number]="deskOf(id)">{{ deskOf(id) }}</span><a [attr.href]="TEL">ring</a> seen {{ state().tick }}</li>
      }
    </ul>
    <button id="count" type="button" (click)="increase()">Clicks: {{ state().count }}</button>
  </main>`,
})(
  class {
    state = signal(firstState());
    increase = () => {};
    LINK = LINK;
    HEADING = HEADING;
    FAX = FAX;
    TEL = TEL;
    textOf = textOf;
    deskOf = deskOf;
  },
);

export const providers = [provideZonelessChangeDetection(), provideClientHydration()];
