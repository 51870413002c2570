-- What was learned of a company's callers (domain/call-model.ts, CallModel); null: not enough calls yet.
ALTER TABLE companies
  ADD COLUMN call_model jsonb,
  ADD COLUMN call_model_at timestamptz;
