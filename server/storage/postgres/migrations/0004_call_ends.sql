-- Calls whose end is never told, and what was said in a message.

-- inferred: the provider never told the end. `ended_at` is the time of its last report then, and the duration is null.
-- transcription: what was said in a message, where the provider wrote it down.
ALTER TABLE calls
  ADD COLUMN inferred boolean NOT NULL DEFAULT false,
  ADD COLUMN transcription text;

-- Few: the calls that last now, and those that a job must close.
CREATE INDEX calls_open ON calls (company_id, started_at) WHERE ended_at IS NULL;
