-- A person has any number of phones and e-mails, and two persons who turn out to be one are merged, reversibly.

-- What is known of somebody: who was first named with it. A merge changes nothing here, so neither does taking it back.
CREATE TABLE person_identifiers (
  company_id text NOT NULL,
  kind       text NOT NULL CHECK (kind IN ('phone', 'email')),
  -- E.164, or an e-mail in small letters.
  value      text NOT NULL,
  person_id  text NOT NULL,
  first_seen timestamptz NOT NULL,
  PRIMARY KEY (company_id, kind, value)
);
CREATE INDEX person_identifiers_person ON person_identifiers (company_id, person_id);

-- Two persons that are one, and why. A row that was taken back stays: it keeps the two apart from then on.
CREATE TABLE person_merges (
  company_id text NOT NULL,
  merge_id   uuid NOT NULL DEFAULT gen_random_uuid(),
  one_id     text NOT NULL,
  other_id   text NOT NULL,
  -- Who stood for each of them until then, and does so again when it is taken back.
  one_stand_in   text NOT NULL,
  other_stand_in text NOT NULL,
  -- form, text, call: a lead event named both, lead_id says which. hand: a user said so.
  reason     text NOT NULL CHECK (reason IN ('form', 'text', 'call', 'hand')),
  lead_id    text,
  user_id    text,
  merged_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  undone_at  timestamptz,
  undone_by  text,
  PRIMARY KEY (company_id, merge_id)
);
CREATE INDEX person_merges_one ON person_merges (company_id, one_id);
CREATE INDEX person_merges_other ON person_merges (company_id, other_id);

-- merged_into: who stands for this person and all others of his group; null: he himself. It follows from the merges.
ALTER TABLE persons ADD COLUMN merged_into text;
CREATE INDEX persons_merged ON persons (company_id, merged_into) WHERE merged_into IS NOT NULL;

-- All who are one with this person, himself included.
CREATE FUNCTION one_with(company text, person text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
  SELECT person
  UNION
  SELECT p.person_id
  FROM persons me
  JOIN persons p ON p.company_id = me.company_id
    AND (p.person_id = coalesce(me.merged_into, me.person_id) OR p.merged_into = coalesce(me.merged_into, me.person_id))
  WHERE me.company_id = company AND me.person_id = person
$$;

-- Everything of one person: his calls and forms.
CREATE INDEX calls_person ON calls (company_id, person_id, started_at) WHERE person_id IS NOT NULL;
CREATE INDEX form_submissions_person ON form_submissions (company_id, person_id, submitted_at) WHERE person_id IS NOT NULL;
CREATE INDEX form_submissions_session ON form_submissions (company_id, session_id);

-- persons.phone and persons.email are written by older servers only, which know nothing of identifiers. So until they
-- are restarted, what they write is copied. One identifier has one person: the first one stays.
CREATE FUNCTION copy_person_identifiers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO person_identifiers (company_id, kind, value, person_id, first_seen)
  SELECT NEW.company_id, i.kind, i.value, NEW.person_id, NEW.created_at
  FROM (VALUES ('phone', NEW.phone), ('email', NEW.email)) AS i(kind, value)
  WHERE i.value IS NOT NULL
  ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER person_written AFTER INSERT ON persons
  FOR EACH ROW WHEN (NEW.phone IS NOT NULL OR NEW.email IS NOT NULL) EXECUTE FUNCTION copy_person_identifiers();

INSERT INTO person_identifiers (company_id, kind, value, person_id, first_seen)
SELECT p.company_id, i.kind, i.value, p.person_id, p.created_at
FROM persons p, LATERAL (VALUES ('phone', p.phone), ('email', p.email)) AS i(kind, value)
WHERE i.value IS NOT NULL
-- Of several with one e-mail the first: the others are merged with him by the next lead event that says so.
ORDER BY p.created_at, p.person_id
ON CONFLICT DO NOTHING;

-- Qualified: when a user called it a good lead. Nobody kept that until now; it was not before the lead event.
ALTER TABLE calls ADD COLUMN qualified_at timestamptz;
ALTER TABLE form_submissions ADD COLUMN qualified_at timestamptz;
UPDATE calls SET qualified_at = started_at WHERE lead_status = 'good_lead';
UPDATE form_submissions SET qualified_at = submitted_at WHERE lead_status = 'good_lead';
