-- Pools are divided among the sources that fill them, by what was counted of their visits.

-- Of session trackers. `lanes` is the plan that the servers follow (domain/lanes.ts): [{lane, source, campaigns,
-- numbers}], source null for all the rest, campaigns null for all of the source that no other lane names. Numbers
-- that no lane has belong to the rest.
ALTER TABLE trackers
  ADD COLUMN lanes jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN lane_key text NOT NULL DEFAULT 'campaign' CHECK (lane_key IN ('campaign', 'source', 'none')),
  -- What is shown when every number is held: one of them, the static number, or the site's own.
  ADD COLUMN when_full text NOT NULL DEFAULT 'share' CHECK (when_full IN ('share', 'static', 'keep')),
  -- A number of the tracker's that is leased to nobody for himself. Where it was taken out of the pool it has no effect.
  ADD COLUMN static_number text,
  -- A call is joined to a visit, or to a source only, from this confidence on.
  ADD COLUMN visit_threshold real NOT NULL DEFAULT 0.5 CHECK (visit_threshold BETWEEN 0 AND 1),
  ADD COLUMN source_threshold real NOT NULL DEFAULT 0.5 CHECK (source_threshold BETWEEN 0 AND 1);

-- What came to a pool, by the hour. Counted again and again from leases and visits as long as they may change, so a row
-- is replaced, never added to. Kept for 35 days.
CREATE TABLE arrivals (
  company_id text NOT NULL,
  tracker_id text NOT NULL,
  -- Its beginning.
  hour       timestamptz NOT NULL,
  -- Both cut to 255 characters: a key of an index has no room for more.
  source     text NOT NULL,
  -- Empty: none.
  campaign   text NOT NULL,
  visits     integer NOT NULL,
  first_at   timestamptz NOT NULL,
  -- Of the leases that began in this hour: how many, how long they last together, how many were ever held by two, how
  -- many began on a number that somebody else still held, and how many on the static number, as the pool was full.
  leases     integer NOT NULL,
  lease_seconds double precision NOT NULL,
  shared     integer NOT NULL,
  reissued   integer NOT NULL,
  diverted   integer NOT NULL,
  PRIMARY KEY (company_id, tracker_id, hour, source, campaign)
);

-- How full a pool was, by the hour; counted and kept as arrivals are. An hour in which nothing was held has no row.
CREATE TABLE pool_hours (
  company_id text NOT NULL,
  tracker_id text NOT NULL,
  hour       timestamptz NOT NULL,
  -- Of the pool, without the static one.
  numbers    integer NOT NULL,
  -- Of the hour; of the one that lasts so much as had passed.
  seconds    double precision NOT NULL,
  -- The sum over all numbers of the time in which somebody held them, and how many were held at once at most.
  held_seconds double precision NOT NULL,
  peak_held  integer NOT NULL,
  PRIMARY KEY (company_id, tracker_id, hour)
);
