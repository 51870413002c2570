-- The first schema. Rules that hold for every table:
--   * every key leads with company_id (or account_id), so that the tables can be distributed by company;
--   * ids that marketers see are text with CallRail's prefixes (COM, TRK, CAL …); ids made by browsers are uuid;
--   * times are the server's; a browser's clock is kept beside them as a claim (client_at).

-- ── Who owns what ────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE accounts (
  account_id text PRIMARY KEY,
  numeric_id bigint NOT NULL UNIQUE,
  name       text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE users (
  account_id text NOT NULL REFERENCES accounts,
  user_id    text PRIMARY KEY,
  name       text NOT NULL,
  time_zone  text NOT NULL DEFAULT 'UTC',
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Only the SHA-256 of a key is kept: a key has 256 bits of chance, so a slow hash would add nothing.
CREATE TABLE api_keys (
  key_hash   bytea PRIMARY KEY,
  user_id    text NOT NULL REFERENCES users,
  -- The key that CALLTRK_API_KEY sets (or the one in DATA_DIR): replaced at every start, there is one.
  from_environment boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE companies (
  account_id text NOT NULL REFERENCES accounts,
  company_id text PRIMARY KEY,
  numeric_id bigint NOT NULL UNIQUE,
  script_key text NOT NULL UNIQUE,
  name       text NOT NULL,
  time_zone  text NOT NULL DEFAULT 'America/New_York',
  status     text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
  -- The pretend business of /demo: the only company whose numbers the simulator's token may call.
  demo       boolean NOT NULL DEFAULT false,
  callscore_enabled        boolean NOT NULL DEFAULT false,
  keyword_spotting_enabled boolean NOT NULL DEFAULT false,
  callscribe_enabled       boolean NOT NULL DEFAULT false,
  swap_exclude_jquery      boolean,
  swap_ppc_override        boolean,
  swap_landing_override    text,
  swap_cookie_duration      integer NOT NULL DEFAULT 6 CHECK (swap_cookie_duration > 0),
  swap_cookie_duration_unit text NOT NULL DEFAULT 'months' CHECK (swap_cookie_duration_unit IN ('months', 'weeks', 'days')),
  external_form_capture boolean NOT NULL DEFAULT false,
  -- The last time a page with the script asked for numbers; null: the script was never seen.
  script_seen_at timestamptz,
  created_at  timestamptz NOT NULL DEFAULT now(),
  disabled_at timestamptz
);

CREATE TABLE trackers (
  company_id text NOT NULL REFERENCES companies,
  tracker_id text NOT NULL,
  name       text NOT NULL,
  type       text NOT NULL CHECK (type IN ('session', 'source')),
  status     text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
  -- E.164, as every number below.
  destination_number text NOT NULL,
  swap_targets text[] NOT NULL DEFAULT '{}',
  -- CallRail's `source` object, as it is answered ({"type": "all"} …).
  source     jsonb NOT NULL,
  -- CallRail's `call_flow` object.
  call_flow  jsonb NOT NULL,
  campaign_name   text,
  whisper_message text,
  sms_enabled boolean NOT NULL DEFAULT true,
  -- A number stays with its session this long after the last sign of life.
  hold_seconds integer NOT NULL DEFAULT 1200 CHECK (hold_seconds BETWEEN 1 AND 86400),
  created_at  timestamptz NOT NULL DEFAULT now(),
  disabled_at timestamptz,
  PRIMARY KEY (company_id, tracker_id)
);

-- Which tracker a number belonged to, when: history joins by the tracker at that time.
CREATE TABLE tracking_numbers (
  company_id text NOT NULL,
  tracker_id text NOT NULL,
  number     text NOT NULL,
  position   integer NOT NULL DEFAULT 0,
  added_at   timestamptz NOT NULL DEFAULT now(),
  removed_at timestamptz,
  PRIMARY KEY (company_id, tracker_id, number, added_at),
  FOREIGN KEY (company_id, tracker_id) REFERENCES trackers
);
-- One active tracker a number, in the whole installation.
CREATE UNIQUE INDEX tracking_numbers_active ON tracking_numbers (number) WHERE removed_at IS NULL;
CREATE INDEX tracking_numbers_number ON tracking_numbers (number, added_at);

-- One row; `version` grows with every change to companies, trackers or numbers, so that each server can see within
-- seconds that its copy in memory is old.
CREATE TABLE directory_version (one boolean PRIMARY KEY DEFAULT true CHECK (one), version bigint NOT NULL);
INSERT INTO directory_version VALUES (true, 1);

CREATE FUNCTION bump_directory_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE directory_version SET version = version + 1;
  RETURN NULL;
END $$;
CREATE TRIGGER companies_changed AFTER INSERT OR DELETE OR UPDATE OF name, time_zone, status, numeric_id, script_key,
  swap_ppc_override, swap_landing_override, swap_cookie_duration, swap_cookie_duration_unit, external_form_capture
  ON companies FOR EACH STATEMENT EXECUTE FUNCTION bump_directory_version();
CREATE TRIGGER trackers_changed AFTER INSERT OR UPDATE OR DELETE ON trackers
  FOR EACH STATEMENT EXECUTE FUNCTION bump_directory_version();
CREATE TRIGGER tracking_numbers_changed AFTER INSERT OR UPDATE OR DELETE ON tracking_numbers
  FOR EACH STATEMENT EXECUTE FUNCTION bump_directory_version();

-- ── What visitors did ────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE sessions (
  company_id text NOT NULL,
  session_id uuid NOT NULL,
  device     text CHECK (device IN ('mobile', 'desktop')),
  first_seen timestamptz NOT NULL,
  PRIMARY KEY (company_id, session_id)
);

CREATE TABLE visits (
  company_id text NOT NULL,
  visit_id   uuid NOT NULL,
  session_id uuid NOT NULL,
  landing    text NOT NULL,
  referrer   text NOT NULL,
  -- As shared/source reads them from landing and referrer; `source` is the slug, `source_name` what people read.
  source      text NOT NULL,
  source_name text NOT NULL,
  medium      text NOT NULL,
  campaign    text,
  term        text,
  content     text,
  click_ids   jsonb NOT NULL DEFAULT '{}',
  started_at  timestamptz NOT NULL,
  -- The last sign of life: page view, ping, tap, form.
  last_seen   timestamptz NOT NULL,
  PRIMARY KEY (company_id, visit_id)
-- Room on each page for the next version of a row: last_seen changes with every sign of life, and is in no index.
) WITH (fillfactor = 70);
CREATE INDEX visits_session ON visits (company_id, session_id, started_at DESC);

-- Every lease that ever was. An open one (ended_at null) lasts until its visit's last_seen + hold_seconds.
CREATE TABLE leases (
  company_id text NOT NULL,
  lease_id   uuid NOT NULL,
  tracker_id text NOT NULL,
  number     text NOT NULL,
  session_id uuid NOT NULL,
  visit_id   uuid NOT NULL,
  started_at timestamptz NOT NULL,
  ended_at   timestamptz,
  hold_seconds integer NOT NULL,
  -- Another session held the same number at the same time.
  shared     boolean NOT NULL,
  PRIMARY KEY (company_id, lease_id)
);
CREATE INDEX leases_number ON leases (company_id, number, started_at DESC);
-- Open ones only: few a number, exclusive ones first. What a new lease on the number must look at.
CREATE INDEX leases_open ON leases (company_id, number, shared) WHERE ended_at IS NULL;
CREATE INDEX leases_visit ON leases (company_id, visit_id);

-- The ids of events of the last 7 days: what is here was stored before.
CREATE TABLE event_ledger (
  company_id  text NOT NULL,
  event_id    uuid NOT NULL,
  received_at timestamptz NOT NULL,
  PRIMARY KEY (company_id, event_id)
);
-- Rows come in the order of their time, so a few bytes a page range find the old ones.
CREATE INDEX event_ledger_age ON event_ledger USING brin (received_at);

CREATE TABLE page_views (
  company_id text NOT NULL,
  page_view_id uuid NOT NULL,
  session_id uuid NOT NULL,
  visit_id   uuid NOT NULL,
  url        text NOT NULL,
  title      text,
  viewed_at  timestamptz NOT NULL,
  client_at  timestamptz,
  PRIMARY KEY (company_id, page_view_id, viewed_at)
) PARTITION BY RANGE (viewed_at);
CREATE INDEX page_views_session ON page_views (company_id, session_id, viewed_at DESC);
-- Months are made ahead by a job; this one catches what a stopped job would miss, so that nothing is refused.
CREATE TABLE page_views_default PARTITION OF page_views DEFAULT;

CREATE TABLE taps (
  company_id text NOT NULL,
  tap_id     uuid NOT NULL,
  session_id uuid NOT NULL,
  visit_id   uuid NOT NULL,
  number     text NOT NULL,
  target     text,
  tapped_at  timestamptz NOT NULL,
  client_at  timestamptz,
  PRIMARY KEY (company_id, tap_id)
);
CREATE INDEX taps_number ON taps (company_id, number, tapped_at DESC);

-- ── What came of it ──────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE persons (
  company_id text NOT NULL,
  person_id  text NOT NULL,
  phone      text,
  email      text,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (company_id, person_id)
);
CREATE UNIQUE INDEX persons_phone ON persons (company_id, phone) WHERE phone IS NOT NULL;
CREATE UNIQUE INDEX persons_email ON persons (company_id, email) WHERE email IS NOT NULL AND phone IS NULL;

CREATE TABLE form_submissions (
  company_id text NOT NULL,
  form_submission_id text NOT NULL,
  -- The event that brought it; unique, so that a form stays one row even when the ledger has forgotten its id.
  event_id   uuid NOT NULL,
  session_id uuid,
  visit_id   uuid,
  person_id  text,
  fcid       uuid,
  form_url   text NOT NULL,
  form_name  text,
  fields     jsonb NOT NULL,
  customer_name  text,
  customer_email text,
  customer_phone_number text,
  first_form boolean NOT NULL,
  note       text,
  value      numeric,
  lead_status text CHECK (lead_status IN ('good_lead', 'not_a_lead', 'previously_marked_good_lead')),
  tags       text[] NOT NULL DEFAULT '{}',
  attribution jsonb NOT NULL,
  submitted_at timestamptz NOT NULL,
  client_at  timestamptz,
  PRIMARY KEY (company_id, form_submission_id),
  UNIQUE (company_id, event_id)
);
CREATE INDEX form_submissions_time ON form_submissions (company_id, submitted_at DESC);

-- What the provider told about a call, each report once, whatever its order. A call is folded from these.
CREATE TABLE call_events (
  company_id text NOT NULL,
  provider   text NOT NULL,
  provider_call_id text NOT NULL,
  -- Names the report within its call, so that a repeated one meets its first copy.
  event_key  text NOT NULL,
  event      jsonb NOT NULL,
  received_at timestamptz NOT NULL,
  PRIMARY KEY (company_id, provider, provider_call_id, event_key)
);

CREATE TABLE calls (
  company_id text NOT NULL,
  call_id    text NOT NULL,
  provider   text NOT NULL,
  provider_call_id text NOT NULL,
  tracker_id text,
  person_id  text,
  -- Of the joined visit; null when the join names a source only.
  session_id uuid,
  visit_id   uuid,
  direction  text NOT NULL DEFAULT 'inbound',
  tracking_number    text NOT NULL,
  destination_number text,
  -- E.164, or null for a caller who hides it; caller_raw is what the provider said.
  caller_number text,
  caller_raw text,
  caller_name    text,
  caller_city    text,
  caller_state   text,
  caller_country text,
  caller_zip     text,
  -- ringing, in_progress, answered, missed, voicemail, abandoned
  state      text NOT NULL,
  answered   boolean NOT NULL,
  voicemail  boolean NOT NULL,
  started_at timestamptz NOT NULL,
  ended_at   timestamptz,
  -- Seconds of talk, or of the whole call when nobody talked; null until it is over.
  duration   integer,
  recording_url text,
  recording_duration integer,
  first_call boolean NOT NULL,
  note       text,
  value      numeric,
  lead_status text CHECK (lead_status IN ('good_lead', 'not_a_lead', 'previously_marked_good_lead')),
  tags       text[] NOT NULL DEFAULT '{}',
  attribution jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (company_id, call_id),
  UNIQUE (company_id, provider, provider_call_id)
);
CREATE INDEX calls_time ON calls (company_id, started_at DESC, call_id);
CREATE INDEX calls_caller ON calls (company_id, caller_number, started_at DESC) WHERE caller_number IS NOT NULL;
