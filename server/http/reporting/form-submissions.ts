import { FormSubmissionSchema } from '../../../shared/contract/reporting.js';
import { FormChangesSchema } from '../../../shared/contract/reporting-bodies.js';
import { notFound } from '../../domain/errors.js';
import { formatUtc } from '../../domain/report-dates.js';
import { formatName, formatPhone } from '../../domain/report-words.js';
import { type FieldTable, FORM_SORTS, type FormFilter, type FormReport } from '../../domain/reports.js';
import {
  type Ask,
  answerOne,
  answerPage,
  asksForRelativePages,
  DATE_PARAMETERS,
  endpoint,
  FIELDS_PARAMETER,
  type Frame,
  leavingOut,
  PAGE_PARAMETERS,
  pageSchema,
  resource,
  SORT_PARAMETERS,
} from './frame.js';
import { readFormChanges } from './lead-body.js';
import * as lead from './lead-fields.js';
import { given, readDates, readSorting } from './query.js';

const FIELDS: FieldTable<FormReport> = {
  standard: {
    id: (form) => form.formSubmissionId,
    company_id: (form) => form.companyId,
    person_id: (form) => form.personId ?? 'anonymous',
    form_data: (form) => form.fields,
    form_url: (form) => form.formUrl,
    landing_page_url: lead.landingPage,
    referrer: (form) => form.firstTouch?.source ?? null,
    referring_url: lead.referringUrl,
    submitted_at: (form) => formatUtc(form.submittedAt),
    first_form: (form) => form.firstForm,
    customer_phone_number: (form) => form.customerPhone,
    customer_name: (form) => form.customerName,
    customer_email: (form) => form.customerEmail,
    formatted_customer_phone_number: (form) => formatPhone(form.customerPhone),
    formatted_customer_name: (form) => formatName(form.customerName),
    source: lead.sourceName,
    keywords: lead.keywords,
    campaign: lead.campaign,
    medium: lead.medium,
  },
  optional: {
    attribution: lead.attribution,
    source_explanation: lead.sourceExplanation,
    company_name: (form) => form.companyName,
    form_name: (form) => form.formName,
    lead_status: (form) => form.leadStatus,
    milestones: lead.milestones,
    note: (form) => form.note,
    tags: (form) => form.tags,
    timeline_url: () => null,
    touches: lead.touches,
    utm_campaign: lead.utmFields.utm_campaign ?? (() => null),
    utm_medium: lead.utmFields.utm_medium ?? (() => null),
    utm_source: lead.utmFields.utm_source ?? (() => null),
    value: (form) => form.value,
  },
  details: { visits: ['source'], milestones: ['milestones'], touches: ['touches'] },
};

/** pycallrail refuses a form with a member that its release did not know; it asks every list for relative pages. */
const OLDER_FIELDS = leavingOut(FIELDS, ['customer_email']);

/** Which forms are asked for. Throws `invalid` for a value that cannot be. */
export function readFormFilter({ query, user }: Ask, frame: Frame): { filter: FormFilter; timeZone: string } {
  const { window, timeZone } = readDates(query, user.timeZone, frame.now());
  const filter = {
    window,
    ...given({
      companyId: query.one('company_id'),
      leadStatus: query.word('lead_status', ['good_lead', 'not_a_lead', 'not_scored']),
      tags: query.list('tags'),
    }),
  };
  return { filter, timeZone };
}

export function formSubmissions(frame: Frame): void {
  const { reports } = frame;
  const unknown = (ask: Ask) => () => notFound('form submission', ask.id('form_submission'));

  resource(frame, 'form submissions', '/v3/a/:account/form_submissions', {
    GET: {
      summary: 'List form submissions',
      query: {
        ...PAGE_PARAMETERS,
        ...SORT_PARAMETERS,
        ...DATE_PARAMETERS,
        ...FIELDS_PARAMETER,
        company_id: 'Only forms of this company.',
        lead_status: 'good_lead, not_a_lead or not_scored',
        tags: 'One tag; tags[]=A&tags[]=B for any of several.',
      },
      answer: pageSchema('form_submissions', FormSubmissionSchema),
      run(ask) {
        const { query, user } = ask;
        const { filter, timeZone } = readFormFilter(ask, frame);
        const sorting = readSorting(query, FORM_SORTS);
        return answerPage(ask, {
          name: 'form_submissions',
          table: asksForRelativePages(query) ? OLDER_FIELDS : FIELDS,
          view: ask.view(timeZone),
          find: (slice, details, count) =>
            reports.formSubmissions(user.accountId, { filter, ...sorting, slice, count }, details),
        });
      },
    },
  });

  resource(frame, 'form submissions', '/v3/a/:account/form_submissions/:form_submission', {
    GET: {
      summary: 'Show a form submission',
      query: FIELDS_PARAMETER,
      answer: FormSubmissionSchema,
      run: (ask) =>
        answerOne(
          ask,
          FIELDS,
          ask.view(),
          (details) => reports.formSubmission(ask.user.accountId, ask.id('form_submission'), details),
          unknown(ask),
        ),
    },
    PUT: endpoint({
      summary: 'Say something of a form submission',
      description: 'What is left out stays as it is; null and empty clear.',
      query: FIELDS_PARAMETER,
      body: FormChangesSchema,
      answer: FormSubmissionSchema,
      run: (ask) =>
        answerOne(
          ask,
          FIELDS,
          ask.view(),
          (details) =>
            reports.changeFormSubmission(
              ask.user.accountId,
              ask.id('form_submission'),
              readFormChanges(ask.body),
              details,
            ),
          unknown(ask),
        ),
    }),
  });
}
