import { UserSchema } from '../../../shared/contract/reporting.js';
import { notFound } from '../../domain/errors.js';
import { formatTime } from '../../domain/report-dates.js';
import type { FieldTable, User } from '../../domain/reports.js';
import { answerOne, answerPage, type Frame, PAGE_PARAMETERS, pageSchema, resource } from './frame.js';

const FIELDS: FieldTable<User> = {
  standard: {
    email: () => null,
    id: (user) => user.userId,
    created_at: (user, view) => formatTime(user.createdAt, view.timeZone),
    role: () => 'admin',
    first_name: (user) => user.name.split(' ')[0] ?? null,
    last_name: (user) => user.name.split(' ').slice(1).join(' ') || null,
    name: (user) => user.name,
    accepted: () => true,
  },
};

/** The user whose key is used. Programs ask for users to see whether their key works. */
export function users(frame: Frame): void {
  resource(frame, 'users', '/v3/a/:account/users', {
    GET: {
      summary: 'List users',
      query: PAGE_PARAMETERS,
      answer: pageSchema('users', UserSchema),
      run: (ask) =>
        answerPage(ask, {
          name: 'users',
          table: FIELDS,
          view: ask.view(),
          find: async ({ limit, offset }) => ({ rows: [ask.user].slice(offset, offset + limit), total: 1 }),
        }),
    },
  });

  resource(frame, 'users', '/v3/a/:account/users/:user', {
    GET: {
      summary: 'Show a user',
      answer: UserSchema,
      run: (ask) =>
        answerOne(
          ask,
          FIELDS,
          ask.view(),
          async () => (ask.id('user') === ask.user.userId ? ask.user : null),
          () => notFound('user', ask.id('user')),
        ),
    },
  });
}
