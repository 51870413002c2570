import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  groupOf,
  identifiersOf,
  judgeIdentifiers,
  MAX_OF_A_KIND,
  type Merge,
  mergeToUndo,
  standIn,
  standInAgain,
} from '../../server/domain/persons.js';

const PHONE = '+14045550199';
const phone = { kind: 'phone', value: PHONE } as const;
const email = (value: string) => ({ kind: 'email', value }) as const;

describe('a lead event names', () => {
  test('its person by phone and e-mail, the phone first', () => {
    expect(identifiersOf({ phone: PHONE, email: ' Grace@Navy.Mil ' })).toEqual([
      phone,
      email('grace@navy.mil'),
    ]);
    expect(identifiersOf({ phone: PHONE, email: null })).toEqual([phone]);
    expect(identifiersOf({ phone: null, email: 'grace@navy.mil' })).toEqual([email('grace@navy.mil')]);
  });

  test.each([
    'anonymous',
    '+266696687',
    'Restricted',
    '+7378742833',
    'sip:who@pbx.net',
    '+15555555555',
    '+11234567890',
    '',
  ])('nobody by %j in the place of a phone', (written) => {
    expect(identifiersOf({ phone: written, email: null })).toEqual([]);
  });

  test.each([
    'test@test.com',
    'no@no.com',
    'noemail@gmail.com',
    'n/a',
    'none@yahoo.com',
    'you@example.com',
    'grace@shop.invalid',
    'asdf@gmail.com',
    'grace',
    'grace@localhost',
    '@navy.mil',
  ])('nobody by %j in the place of an e-mail', (written) => {
    expect(identifiersOf({ phone: null, email: written })).toEqual([]);
    expect(identifiersOf({ phone: PHONE, email: written })).toEqual([phone]);
  });

  test.each(['info@navy.mil', 'Office@navy.mil', 'frontdesk@hotel.com'])(
    'somebody by %s, which several people read, only when nothing else names him',
    (written) => {
      expect(identifiersOf({ phone: PHONE, email: written })).toEqual([phone]);
      expect(identifiersOf({ phone: null, email: written })).toEqual([email(written.toLowerCase())]);
    },
  );

  test.each(['nora@navy.mil', 'testa@gmail.com', 'infogrames@navy.mil', 'nobel@no.se', 'xavier@gmail.com'])(
    'somebody by %s, although it looks like nothing',
    (written) => {
      expect(identifiersOf({ phone: PHONE, email: written })).toEqual([phone, email(written)]);
    },
  );
});

describe('of those whom it names', () => {
  const known = (personId: string, standsFor = personId) => ({ personId, standsFor });
  const both = [phone, email('grace@navy.mil')];
  const ask = { sizes: new Map(), keptApart: false };

  test('strangers are one new person', () => {
    expect(judgeIdentifiers(both, { ...ask, known: [null, null] })).toEqual({
      personId: null,
      learned: both,
      merge: null,
    });
  });

  test('the known one has what is not known yet', () => {
    expect(judgeIdentifiers(both, { ...ask, known: [null, known('B')] })).toEqual({
      personId: 'B',
      learned: [phone],
      merge: null,
    });
  });

  test('two are one, and the lead is with the phone', () => {
    expect(judgeIdentifiers(both, { ...ask, known: [known('A', 'X'), known('B')] })).toEqual({
      personId: 'A',
      learned: [],
      merge: ['A', 'B'],
    });
    const oneAlready = { ...ask, known: [known('A', 'X'), known('B', 'X')] };
    expect(judgeIdentifiers(both, oneAlready)).toEqual({ personId: 'A', learned: [], merge: null });
  });

  test('two whom somebody keeps apart are not', () => {
    const apart = { ...ask, known: [known('A'), known('B')], keptApart: true };
    expect(judgeIdentifiers(both, apart)).toEqual({ personId: 'A', learned: [], merge: null });
  });

  test('nobody gets more phones or e-mails than a person has', () => {
    const full = new Map([['A', { phone: 1, email: MAX_OF_A_KIND }]]);
    const add = judgeIdentifiers(both, { known: [known('A'), null], sizes: full, keptApart: false });
    expect(add).toEqual({ personId: 'A', learned: [], merge: null });
    const sizes = new Map([...full, ['B', { phone: 0, email: 1 }]]);
    const merge = judgeIdentifiers(both, { known: [known('A'), known('B')], sizes, keptApart: false });
    expect(merge).toEqual({ personId: 'A', learned: [], merge: null });
    sizes.set('A', { phone: 1, email: MAX_OF_A_KIND - 1 });
    expect(
      judgeIdentifiers(both, { known: [known('A'), known('B')], sizes, keptApart: false }).merge,
    ).toEqual(['A', 'B']);
  });
});

describe('merges', () => {
  const merge = (oneId: string, otherId: string, at: number): Merge => ({
    mergeId: `${at}`,
    oneId,
    otherId,
    oneStandIn: oneId,
    otherStandIn: otherId,
    at,
  });

  test('the person known longest stands for all, of two at one time always the same', () => {
    const persons = [
      { personId: 'B', createdAt: 2 },
      { personId: 'C', createdAt: 1 },
      { personId: 'A', createdAt: 1 },
    ];
    expect(standIn(persons)).toBe('A');
    expect(standIn(persons.toReversed())).toBe('A');
  });

  test('taken back, who stood for a side stands for it again, if he is on it', () => {
    const side = ['B', 'C'].map((personId, createdAt) => ({ personId, createdAt }));
    expect(standInAgain(side, 'C', 'B')).toBe('C');
    expect(standInAgain(side, 'A', 'C')).toBe('C');
    expect(standInAgain(side, 'A', 'gone')).toBe('B');
  });

  test('the newest between a person and who stands for him is taken back first', () => {
    // R stands for all. X was a part of S when a lead event named X and a part of R.
    const merges = [merge('S', 'X', 1), merge('R', 'A', 2), merge('A', 'X', 3), merge('R', 'Z', 4)];
    expect(mergeToUndo(merges, 'S', 'R')?.at).toBe(3);
    expect(mergeToUndo(merges, 'X', 'R')?.at).toBe(3);
    expect(mergeToUndo(merges, 'A', 'R')?.at).toBe(2);
    expect(mergeToUndo(merges, 'R', 'R')?.at).toBe(4);
    expect(mergeToUndo([], 'R', 'R')).toBeNull();
  });

  test('one taken back parts a group in two, and nobody is lost', () => {
    const forest = fc.array(fc.nat(), { minLength: 1, maxLength: 12 }).map((parents) =>
      // Each new person is merged with one of those before him: a tree.
      parents.map((parent, i) => merge(`P${i + 1}`, `P${parent % (i + 1)}`, i)),
    );
    fc.assert(
      fc.property(forest, fc.nat(), (merges, which) => {
        const personId = `P${which % (merges.length + 1)}`;
        const undone = mergeToUndo(merges, personId, 'P0');
        if (!undone) throw new Error('there is always one');
        const left = merges.filter((one) => one !== undone);
        const [one, other] = [groupOf(left, undone.oneId), groupOf(left, undone.otherId)];
        expect(one.size + other.size).toBe(merges.length + 1);
        expect(new Set([...one, ...other]).size).toBe(merges.length + 1);
        if (personId !== 'P0') expect(groupOf(left, personId).has('P0')).toBe(false);
      }),
    );
  });
});
