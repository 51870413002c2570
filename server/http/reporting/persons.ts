import { PersonSchema } from '../../../shared/contract/reporting.js';
import { PersonMergeSchema } from '../../../shared/contract/reporting-bodies.js';
import { notFound, Refusal } from '../../domain/errors.js';
import { formatUtc } from '../../domain/report-dates.js';
import type { FieldTable, PersonReport } from '../../domain/reports.js';
import { type Ask, answerOne, endpoint, type Frame, resource } from './frame.js';

const FIELDS: FieldTable<PersonReport> = {
  standard: {
    id: (person) => person.personId,
    company_id: (person) => person.companyId,
    company_name: (person) => person.companyName,
    created_at: (person) => formatUtc(person.createdAt),
    phones: (person) => person.phones,
    emails: (person) => person.emails,
    merged_persons: (person) => person.others,
    merges: ({ merges }) =>
      merges.map(({ persons, reason, leadId, userId, at }) => ({
        persons,
        reason,
        lead_id: leadId,
        user_id: userId,
        merged_at: formatUtc(at),
      })),
  },
};

/** Persons, an extension to CallRail's API: what is known of one, and whether two are one. */
export function persons(frame: Frame): void {
  const { reports } = frame;
  const answer = (ask: Ask, find: () => Promise<PersonReport | null>) =>
    answerOne(ask, FIELDS, ask.view(), find, () => notFound('person', ask.id('person')));

  resource(frame, 'persons', '/v3/a/:account/persons/:person', {
    GET: {
      summary: 'Show a person',
      description: 'By the id of one who was merged, the person that he is a part of.',
      answer: PersonSchema,
      run: (ask) => answer(ask, () => reports.person(ask.user.accountId, ask.id('person'))),
    },
  });

  resource(frame, 'persons', '/v3/a/:account/persons/:person/merge', {
    POST: endpoint({
      summary: 'Say that two persons are one',
      description:
        'The id of the one known longer stands for both from now on; the other id leads to the same person. ' +
        'Holds also where a merge of the two was taken back before.',
      body: PersonMergeSchema,
      answer: PersonSchema,
      run: (ask) =>
        answer(ask, () =>
          reports.mergePersons(ask.user.accountId, ask.id('person'), ask.body.person_id, ask.user.userId),
        ),
    }),
    DELETE: {
      summary: 'Take a merge back',
      description:
        'The newest one that made this person a part of another, or another a part of him. Every call and form is ' +
        'with the person of its own phone, else of its own e-mail, again, whether it came before the merge or after. ' +
        'No lead event merges the two from now on. Answers this person as he is then; 404: there is none.',
      answer: PersonSchema,
      run: (ask) =>
        answer(ask, async () => {
          const { accountId, userId } = ask.user;
          const person = await reports.undoMerge(accountId, ask.id('person'), userId);
          if (person === 'none') throw new Refusal('not_found', 'This person was merged with nobody.');
          return person;
        }),
    },
  });
}
