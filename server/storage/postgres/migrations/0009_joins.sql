-- Joins that users correct, and joins that late facts improve.

-- joined_at: when the evidence was looked at last. corrected_at, corrected_by: a user said whose call it is, and nothing
-- but a user changes that. revised_at, revised_from: the answer was another one until then (visit, source,
-- confidence, method).
ALTER TABLE calls
  ADD COLUMN joined_at    timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN corrected_at timestamptz,
  ADD COLUMN corrected_by text,
  ADD COLUMN revised_at   timestamptz,
  ADD COLUMN revised_from jsonb;
CREATE INDEX calls_revised ON calls (revised_at) WHERE revised_at IS NOT NULL;
-- Calls to a number: whom a late fact about it concerns.
CREATE INDEX calls_number ON calls (company_id, tracking_number, started_at);

-- When the row was written; null: before this was kept.
ALTER TABLE taps ADD COLUMN written_at timestamptz;
ALTER TABLE taps ALTER COLUMN written_at SET DEFAULT now();
ALTER TABLE leases ADD COLUMN written_at timestamptz;
ALTER TABLE leases ALTER COLUMN written_at SET DEFAULT now();
ALTER TABLE form_submissions ADD COLUMN written_at timestamptz;
ALTER TABLE form_submissions ALTER COLUMN written_at SET DEFAULT now();

-- Few: what was written later than it happened. A commit takes milliseconds.
CREATE INDEX taps_late ON taps (written_at) WHERE written_at - least(tapped_at, client_at) > interval '1 second';
CREATE INDEX leases_late ON leases (written_at) WHERE written_at - started_at > interval '1 second';
CREATE INDEX form_submissions_written ON form_submissions (written_at);
