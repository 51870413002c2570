import { PageViewSchema } from '../../../shared/contract/reporting.js';
import { notFound } from '../../domain/errors.js';
import { formatTime, readTimeZone } from '../../domain/report-dates.js';
import type { FieldTable, PageViewReport } from '../../domain/reports.js';
import { answerPage, DATE_PARAMETERS, type Frame, PAGE_PARAMETERS, pageSchema, resource } from './frame.js';

const FIELDS: FieldTable<PageViewReport> = {
  standard: {
    referrer_url: (view) => view.referrer,
    page_url: (view) => view.url,
    // Without milliseconds, as CallRail's.
    created_at: (view, { timeZone }) => formatTime(view.at, timeZone).replace(/\.\d+/, ''),
  },
};

export function pageViews(frame: Frame): void {
  resource(frame, 'calls', '/v3/a/:account/calls/:call/page_views', {
    GET: {
      summary: 'What the visitor looked at before he called',
      description: 'Newest first, over all visits of the session to which the call was joined.',
      query: { ...PAGE_PARAMETERS, time_zone: DATE_PARAMETERS.time_zone },
      answer: pageSchema('page_views', PageViewSchema),
      run(ask) {
        const callId = ask.id('call');
        return answerPage(ask, {
          name: 'page_views',
          table: FIELDS,
          view: ask.view(readTimeZone(ask.query.one('time_zone'), ask.user.timeZone)),
          async find(slice) {
            const found = await frame.reports.pageViews(ask.user.accountId, callId, slice);
            if (!found) throw notFound('call', callId);
            return found;
          },
        });
      },
    },
  });
}
