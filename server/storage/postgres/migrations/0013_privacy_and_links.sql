-- Sessions that asked for privacy, links that take a session to another site, and clocks that were ahead.

-- gpc: a page of it came with Global Privacy Control, once is enough. Nothing of such a session may go to an ad platform.
ALTER TABLE sessions ADD COLUMN gpc boolean NOT NULL DEFAULT false;

-- What servers know and nobody else. `link` signs the tokens with which a session goes to another site.
CREATE TABLE server_secrets (
  name       text PRIMARY KEY,
  secret     bytea NOT NULL CHECK (length(secret) >= 32),
  created_at timestamptz NOT NULL DEFAULT now()
);

-- As before (0006), with three more: a session row may come again to say that it is marked; a new lease ends those whose
-- last sign of life has not come yet; and a lease that began at such a time can be ended.
CREATE OR REPLACE FUNCTION write_entries(
  events json, scripts json, sessions json, visits json, visits_seen json,
  leases json, leases_ended json, leases_shared json, page_views json, taps json
) RETURNS integer[] LANGUAGE plpgsql AS $$
DECLARE
  repeated integer[] := '{}';
  -- A lease row that is older than this when it is written was in a commit that failed; others may have come between.
  late CONSTANT interval := '100 ms';
  -- What is said to have happened so long after a row that comes now was told by a clock that was ahead: so long after
  -- the row's own time, and after this very moment, since a row from a journal may come hours after its time.
  ahead CONSTANT interval := '5 minutes';
  has_others boolean;
  is_late boolean;
  is_crowded boolean;
BEGIN
  IF events IS NOT NULL THEN
    WITH claim AS (
      SELECT * FROM json_to_recordset(events) AS r(entry int, "companyId" text, "eventId" uuid)
    ), fresh AS (
      INSERT INTO event_ledger AS l (company_id, event_id, received_at)
      -- In one order, so that two servers never wait for each other.
      SELECT "companyId", "eventId", now() FROM claim ORDER BY 1, 2
      ON CONFLICT DO NOTHING RETURNING l.company_id, l.event_id
    )
    SELECT coalesce(array_agg(c.entry), '{}') INTO repeated
    FROM claim c LEFT JOIN fresh f ON f.company_id = c."companyId" AND f.event_id = c."eventId"
    WHERE f.event_id IS NULL;
  END IF;

  IF scripts IS NOT NULL THEN
    UPDATE companies c SET script_seen_at = greatest(c.script_seen_at, to_timestamp(r.at / 1000))
    FROM json_to_recordset(scripts) AS r(entry int, "companyId" text, at float8)
    WHERE c.company_id = r."companyId";
  END IF;

  IF sessions IS NOT NULL THEN
    INSERT INTO sessions AS s (company_id, session_id, device, first_seen, gpc)
    SELECT "companyId", "sessionId", (array_agg(r.device ORDER BY r.at))[1], to_timestamp(min(r.at) / 1000),
           coalesce(bool_or(r.gpc), false)
    FROM json_to_recordset(sessions)
           AS r(entry int, "companyId" text, "sessionId" uuid, device text, at float8, gpc boolean)
    WHERE r.entry <> ALL (repeated)
    GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (company_id, session_id) DO UPDATE SET gpc = true WHERE excluded.gpc AND NOT s.gpc;
  END IF;

  IF visits IS NOT NULL THEN
    INSERT INTO visits AS v (company_id, visit_id, session_id, landing, referrer, source, source_name, medium,
                             campaign, term, content, click_ids, started_at, last_seen, pages, active_seconds,
                             left_at, device)
    SELECT DISTINCT ON (1, 2)
           "companyId", "visitId", "sessionId", r.landing, r.referrer, r.source, r.name, r.medium,
           r.campaign, r.term, r.content, r."clickIds", to_timestamp("startedAt" / 1000), to_timestamp("lastSeen" / 1000),
           (SELECT count(*) FROM unnest(r.views) AS view WHERE view <> ALL (repeated)), coalesce("activeSeconds", 0),
           to_timestamp("leftAt" / 1000), r.device
    FROM json_to_recordset(visits) AS r(entry int, "companyId" text, "visitId" uuid, "sessionId" uuid, landing text,
      referrer text, source text, name text, medium text, campaign text, term text, content text, "clickIds" jsonb,
      "startedAt" float8, "lastSeen" float8, "activeSeconds" int, "leftAt" float8, views int[], device text)
    WHERE r.entry <> ALL (repeated)
    ORDER BY 1, 2
    ON CONFLICT (company_id, visit_id) DO UPDATE
      SET pages = v.pages + excluded.pages, last_seen = greatest(v.last_seen, excluded.last_seen),
          active_seconds = greatest(v.active_seconds, excluded.active_seconds),
          left_at = greatest(v.left_at, excluded.left_at)
    WHERE excluded.pages > 0 OR excluded.last_seen > v.last_seen;
  END IF;

  IF visits_seen IS NOT NULL THEN
    UPDATE visits v
    SET last_seen = greatest(v.last_seen, to_timestamp(seen.at / 1000)), pages = v.pages + seen.pages,
        active_seconds = greatest(v.active_seconds, seen."activeSeconds"),
        left_at = greatest(v.left_at, to_timestamp(seen."leftAt" / 1000))
    FROM (SELECT "companyId", "visitId", max(r.at) AS at, max(r."activeSeconds") AS "activeSeconds",
                 max(r."leftAt") AS "leftAt",
                 sum((SELECT count(*) FROM unnest(r.views) AS view WHERE view <> ALL (repeated))) AS pages
          FROM json_to_recordset(visits_seen)
                 AS r(entry int, "companyId" text, "visitId" uuid, at float8, "activeSeconds" int, "leftAt" float8,
                      views int[])
          GROUP BY 1, 2 ORDER BY 1, 2) seen
    WHERE v.company_id = seen."companyId" AND v.visit_id = seen."visitId";
  END IF;

  IF leases IS NOT NULL OR leases_ended IS NOT NULL OR leases_shared IS NOT NULL THEN
    -- Of two commits that touch the leases of one number at once (another lane, another server) the later waits until
    -- it can see what the earlier has written. All numbers first and in one order: so two never wait for each other.
    PERFORM pg_advisory_xact_lock(key)
    FROM (SELECT DISTINCT hashtextextended("companyId" || ' ' || r.number, 0) AS key
          FROM unnest(ARRAY[leases, leases_ended, leases_shared]) AS t(rows),
               json_to_recordset(t.rows) AS r(entry int, "companyId" text, number text)
          WHERE r.entry <> ALL (repeated) ORDER BY 1) numbers;
  END IF;

  IF leases IS NOT NULL THEN
    -- One look tells whether any other lease is concerned; mostly none is.
    SELECT coalesce(bool_or(
             EXISTS (SELECT FROM leases o WHERE o.company_id = r."companyId" AND o.number = r.number
                       AND o.ended_at IS NULL AND NOT o.shared AND o.session_id <> r."sessionId")
             OR NOT r.shared
                AND EXISTS (SELECT FROM leases o WHERE o.company_id = r."companyId" AND o.number = r.number
                              AND o.ended_at IS NULL AND o.session_id <> r."sessionId")), false),
           coalesce(bool_or(to_timestamp(r.at / 1000) < clock_timestamp() - late), false),
           count(*) > count(DISTINCT r.number)
    INTO has_others, is_late, is_crowded
    FROM json_to_recordset(leases)
           AS r(entry int, "companyId" text, number text, "sessionId" uuid, at float8, shared boolean)
    WHERE r.entry <> ALL (repeated);

    IF has_others THEN
      -- What was to be written of a number's earlier holders may have been lost with a commit that failed, while the
      -- pool in memory went on. So a new lease looks at those whose leases are open by the record. An exclusive one says
      -- that nobody holds the number any more: who has run out has ended then, and he whose last sign of life cannot
      -- have been yet ends now …
      UPDATE leases l SET ended_at = past.until
      FROM (SELECT o.company_id, o.lease_id,
                   min(least(v.last_seen + make_interval(secs => o.hold_seconds), to_timestamp(r.at / 1000))) AS until
            FROM json_to_recordset(leases)
                   AS r(entry int, "companyId" text, number text, "sessionId" uuid, at float8, shared boolean)
            JOIN leases o ON o.company_id = r."companyId" AND o.number = r.number AND o.ended_at IS NULL
                         AND o.session_id <> r."sessionId"
            JOIN visits v ON v.company_id = o.company_id AND v.visit_id = o.visit_id
            WHERE NOT r.shared AND r.entry <> ALL (repeated)
              AND (v.last_seen + make_interval(secs => o.hold_seconds) <= to_timestamp(r.at / 1000)
                   OR v.last_seen > greatest(to_timestamp(r.at / 1000), clock_timestamp()) + ahead)
            GROUP BY 1, 2 ORDER BY 1, 2) past
      WHERE l.company_id = past.company_id AND l.lease_id = past.lease_id;
      -- … and all others share it from now on, those included whose signs of life were lost.
      UPDATE leases l SET shared = true
      FROM (SELECT DISTINCT o.company_id, o.lease_id
            FROM json_to_recordset(leases) AS r(entry int, "companyId" text, number text, "sessionId" uuid)
            JOIN leases o ON o.company_id = r."companyId" AND o.number = r.number AND o.ended_at IS NULL
                         AND NOT o.shared AND o.session_id <> r."sessionId"
            WHERE r.entry <> ALL (repeated) ORDER BY 1, 2) other
      WHERE l.company_id = other.company_id AND l.lease_id = other.lease_id;
    END IF;
    IF is_late THEN
      -- A row that comes late, as its first commit failed, may meet one that has ended in the meantime. An end that is yet
      -- to come was told by a clock that was ahead, and says nothing.
      UPDATE leases l SET shared = true
      FROM (SELECT DISTINCT o.company_id, o.lease_id
            FROM json_to_recordset(leases)
                   AS r(entry int, "companyId" text, number text, "sessionId" uuid, at float8)
            JOIN leases o ON o.company_id = r."companyId" AND o.number = r.number AND NOT o.shared
                         AND o.session_id <> r."sessionId" AND o.ended_at > to_timestamp(r.at / 1000)
                         AND o.ended_at < clock_timestamp() + ahead
                         AND o.started_at > to_timestamp(r.at / 1000) - interval '1 day'
            WHERE r.entry <> ALL (repeated) AND to_timestamp(r.at / 1000) < clock_timestamp() - late
            ORDER BY 1, 2) other
      WHERE l.company_id = other.company_id AND l.lease_id = other.lease_id;
    END IF;

    INSERT INTO leases AS l (company_id, lease_id, tracker_id, number, session_id, visit_id, started_at,
                             hold_seconds, shared)
    SELECT DISTINCT ON (1, 2) "companyId", "leaseId", "trackerId", r.number, "sessionId", "visitId", to_timestamp(r.at / 1000),
           "holdSeconds",
           r.shared OR EXISTS (SELECT FROM leases o WHERE o.company_id = r."companyId" AND o.number = r.number
                                 AND o.ended_at IS NULL AND o.session_id <> r."sessionId")
             OR to_timestamp(r.at / 1000) < clock_timestamp() - late
                AND EXISTS (SELECT FROM leases o WHERE o.company_id = r."companyId" AND o.number = r.number
                              AND o.session_id <> r."sessionId" AND o.ended_at > to_timestamp(r.at / 1000)
                              AND o.ended_at < clock_timestamp() + ahead
                              AND o.started_at > to_timestamp(r.at / 1000) - interval '1 day')
    FROM json_to_recordset(leases) AS r(entry int, "companyId" text, "leaseId" uuid, "trackerId" text, number text,
      "sessionId" uuid, "visitId" uuid, at float8, "holdSeconds" int, shared boolean)
    WHERE r.entry <> ALL (repeated)
    ORDER BY 1, 2, r.at
    -- Two servers that open it at once give it one id: it began when the first of them showed the number.
    ON CONFLICT (company_id, lease_id) DO UPDATE
      SET started_at = excluded.started_at, shared = l.shared OR excluded.shared
    WHERE excluded.started_at < l.started_at;

    IF is_crowded THEN
      -- Two in this very commit that were given one number for themselves: the pool had forgotten the first. No matter
      -- where the first had left it, or run out, before the second came.
      UPDATE leases l SET shared = true
      FROM json_to_recordset(leases) AS one(entry int, "companyId" text, "leaseId" uuid, number text, "sessionId" uuid,
             at float8, "holdSeconds" int)
      JOIN json_to_recordset(leases) AS other(entry int, "companyId" text, number text, "sessionId" uuid, at float8,
             "holdSeconds" int)
        ON other."companyId" = one."companyId" AND other.number = one.number AND other."sessionId" <> one."sessionId"
           AND other.at < one.at + one."holdSeconds" * 1000.0 AND one.at < other.at + other."holdSeconds" * 1000.0
      WHERE l.company_id = one."companyId" AND l.lease_id = one."leaseId" AND NOT l.shared
        AND one.entry <> ALL (repeated) AND other.entry <> ALL (repeated)
        AND NOT EXISTS (
          SELECT FROM json_to_recordset(coalesce(leases_ended, '[]'))
                        AS e("companyId" text, number text, "sessionId" uuid, at float8)
          WHERE e."companyId" = one."companyId" AND e.number = one.number
            AND (e."sessionId" = one."sessionId" AND one.at < other.at AND e.at <= other.at
                 OR e."sessionId" = other."sessionId" AND other.at < one.at AND e.at <= one.at));
    END IF;
  END IF;

  -- Before they end: who shared his number and left it within one batch did share it.
  IF leases_shared IS NOT NULL THEN
    UPDATE leases l SET shared = true
    FROM json_to_recordset(leases_shared)
           AS r(entry int, "companyId" text, number text, "sessionIds" jsonb),
         jsonb_array_elements_text(r."sessionIds") AS session(id)
    WHERE l.company_id = r."companyId" AND l.number = r.number AND l.session_id = session.id::uuid
      AND l.ended_at IS NULL AND NOT l.shared AND r.entry <> ALL (repeated);
  END IF;

  IF leases_ended IS NOT NULL THEN
    UPDATE leases l
    -- A hold that had run out before has ended then.
    SET ended_at = least(ended.at, v.last_seen + make_interval(secs => l.hold_seconds))
    -- The first end counts: in one batch somebody may lose a number and, back again, leave it.
    FROM (SELECT e.company_id, e.lease_id, min(to_timestamp(r.at / 1000)) AS at
          FROM json_to_recordset(leases_ended)
                 AS r(entry int, "companyId" text, number text, "sessionId" uuid, at float8)
          JOIN leases e ON e.company_id = r."companyId" AND e.number = r.number AND e.session_id = r."sessionId"
                       AND e.ended_at IS NULL
                       AND (e.started_at < to_timestamp(r.at / 1000)
                            OR e.started_at > greatest(to_timestamp(r.at / 1000), clock_timestamp()) + ahead)
          WHERE r.entry <> ALL (repeated) GROUP BY 1, 2 ORDER BY 1, 2) ended, visits v
    WHERE l.company_id = ended.company_id AND l.lease_id = ended.lease_id
      AND v.company_id = l.company_id AND v.visit_id = l.visit_id;
  END IF;

  IF page_views IS NOT NULL THEN
    INSERT INTO page_views AS p (company_id, page_view_id, session_id, visit_id, url, title, viewed_at, client_at)
    SELECT "companyId", "eventId", "sessionId", "visitId", r.url, r.title, to_timestamp(r.at / 1000),
           to_timestamp("clientAt" / 1000)
    FROM json_to_recordset(page_views) AS r(entry int, "companyId" text, "eventId" uuid, "sessionId" uuid,
      "visitId" uuid, url text, title text, at float8, "clientAt" float8)
    WHERE r.entry <> ALL (repeated)
    ON CONFLICT DO NOTHING;
  END IF;

  IF taps IS NOT NULL THEN
    INSERT INTO taps AS t (company_id, tap_id, session_id, visit_id, number, target, tapped_at, client_at)
    SELECT "companyId", "eventId", "sessionId", "visitId", r.number, r.target, to_timestamp(r.at / 1000),
           to_timestamp("clientAt" / 1000)
    FROM json_to_recordset(taps) AS r(entry int, "companyId" text, "eventId" uuid, "sessionId" uuid,
      "visitId" uuid, number text, target text, at float8, "clientAt" float8)
    WHERE r.entry <> ALL (repeated)
    ON CONFLICT DO NOTHING;
  END IF;

  RETURN repeated;
END $$;
