import { AccountSchema } from '../../../shared/contract/reporting.js';
import { notFound } from '../../domain/errors.js';
import type { AccountReport, FieldTable } from '../../domain/reports.js';
import {
  answerOne,
  answerPage,
  FIELDS_PARAMETER,
  type Frame,
  PAGE_PARAMETERS,
  pageSchema,
  resource,
} from './frame.js';

const FIELDS: FieldTable<AccountReport> = {
  standard: {
    id: (account) => account.accountId,
    name: (account) => account.name,
    outbound_recording_enabled: () => false,
    hipaa_account: () => false,
  },
  optional: { numeric_id: (account) => account.numericId },
};

/** The account of the user who asks: a list of one, as each user has one. */
export function accounts(frame: Frame): void {
  const { reports } = frame;

  resource(frame, 'accounts', '/v3/a', {
    GET: {
      summary: 'List accounts',
      query: { ...PAGE_PARAMETERS, ...FIELDS_PARAMETER, hipaa_account: 'true or false' },
      answer: pageSchema('accounts', AccountSchema),
      run: (ask) =>
        answerPage(ask, {
          name: 'accounts',
          table: FIELDS,
          view: ask.view(),
          async find({ limit, offset }) {
            const account = await reports.account(ask.user.accountId);
            const rows = account && ask.query.one('hipaa_account') !== 'true' ? [account] : [];
            return { rows: rows.slice(offset, offset + limit), total: rows.length };
          },
        }),
    },
  });

  resource(frame, 'accounts', '/v3/a/:account', {
    GET: {
      summary: 'Show an account',
      query: FIELDS_PARAMETER,
      answer: AccountSchema,
      run: (ask) =>
        answerOne(
          ask,
          FIELDS,
          ask.view(),
          () => reports.account(ask.user.accountId),
          () => notFound('account', ask.user.accountId),
        ),
    },
  });
}
