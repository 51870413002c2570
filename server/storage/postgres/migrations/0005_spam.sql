-- A call that a user calls spam stays in the record, and is in no report from then on.
ALTER TABLE calls ADD COLUMN spam boolean NOT NULL DEFAULT false;
