-- What a company's script is told beyond numbers, and texts that stand for a number.

-- script_settings: those that a user has set (domain/owners.ts, ScriptSettings); of the rest the standard holds.
ALTER TABLE companies ADD COLUMN script_settings jsonb NOT NULL DEFAULT '{}';
-- As before (0001), and with the new column, which every script carries.
CREATE OR REPLACE TRIGGER companies_changed AFTER INSERT OR DELETE OR UPDATE OF name, time_zone, status, numeric_id,
  script_key, swap_ppc_override, swap_landing_override, swap_cookie_duration, swap_cookie_duration_unit,
  external_form_capture, script_settings
  ON companies FOR EACH STATEMENT EXECUTE FUNCTION bump_directory_version();

-- {"1-800-FLOWERS": "###phone###"}: text of the site to what stands in its place.
ALTER TABLE trackers ADD COLUMN advanced_swap_targets jsonb NOT NULL DEFAULT '{}';
