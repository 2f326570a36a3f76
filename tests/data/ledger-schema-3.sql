-- The schema of `ledger.db` in version 3, as the program made it. See README.md.
CREATE TABLE stored_events(
        notification_id INTEGER PRIMARY KEY,
        originator_id TEXT NOT NULL CHECK(originator_id = lower(originator_id) AND length(originator_id) = 32),
        originator_version INTEGER NOT NULL,
        topic TEXT NOT NULL,
        state BLOB NOT NULL,
        UNIQUE(originator_id, originator_version));
CREATE TABLE log_head(size INTEGER NOT NULL, at TEXT NOT NULL);
CREATE TABLE private_parts(
        position INTEGER NOT NULL, part TEXT NOT NULL, key_id BLOB NOT NULL, box BLOB NOT NULL,
        PRIMARY KEY(position, part)) WITHOUT ROWID;
CREATE TABLE idempotency(
        scope TEXT NOT NULL, key BLOB NOT NULL, request BLOB NOT NULL,
        stream TEXT NOT NULL, revision INTEGER NOT NULL, position INTEGER NOT NULL,
        PRIMARY KEY(scope, key)) WITHOUT ROWID;
CREATE TABLE definitions(digest BLOB PRIMARY KEY, content BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE names(
        scope TEXT NOT NULL, name TEXT NOT NULL, stream TEXT NOT NULL,
        PRIMARY KEY(scope, name)) WITHOUT ROWID;
CREATE TABLE status_lists(list BLOB PRIMARY KEY, issuer TEXT NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE status_slots(
        list BLOB NOT NULL, slot INTEGER NOT NULL, stream TEXT NOT NULL, seq INTEGER NOT NULL,
        PRIMARY KEY(list, slot)) WITHOUT ROWID;
CREATE TABLE short_codes(mac BLOB PRIMARY KEY, stream TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE stacks(mac BLOB PRIMARY KEY, stream TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE checkpoints(size INTEGER PRIMARY KEY, note BLOB NOT NULL, compact_range BLOB NOT NULL);
CREATE TABLE api_keys(
        id TEXT PRIMARY KEY, secret BLOB NOT NULL UNIQUE, issuer TEXT, scopes TEXT NOT NULL, label TEXT NOT NULL,
        created_at TEXT NOT NULL, revoked_at TEXT) WITHOUT ROWID;
CREATE TABLE published_days(size INTEGER NOT NULL, day TEXT NOT NULL PRIMARY KEY, note BLOB NOT NULL)
        WITHOUT ROWID;
CREATE INDEX published_days_by_size ON published_days(size, day);
CREATE INDEX log_entries ON stored_events(notification_id) WHERE topic IN ('log.started/1', 'log.key_added/1', 'log.key_retired/1');
CREATE TRIGGER stored_events_only_at_the_head BEFORE INSERT ON stored_events
        WHEN NEW.notification_id IS NOT (SELECT COALESCE(MAX(notification_id), 0) + 1 FROM stored_events)
        BEGIN SELECT RAISE(ABORT, 'an entry is appended at the head of the log'); END;
CREATE TRIGGER stored_events_are_not_replaced BEFORE INSERT ON stored_events
        WHEN EXISTS (SELECT 1 FROM stored_events
            WHERE originator_id = NEW.originator_id AND originator_version = NEW.originator_version)
        BEGIN SELECT RAISE(ABORT, 'an entry is never replaced'); END;
CREATE TRIGGER stored_events_are_not_updated BEFORE UPDATE ON stored_events
        BEGIN SELECT RAISE(ABORT, 'an entry is never changed'); END;
CREATE TRIGGER stored_events_are_not_deleted BEFORE DELETE ON stored_events
        BEGIN SELECT RAISE(ABORT, 'an entry is never deleted'); END;
CREATE TRIGGER log_head_does_not_go_back BEFORE UPDATE ON log_head WHEN NEW.size < OLD.size OR NEW.at < OLD.at
        BEGIN SELECT RAISE(ABORT, 'the log does not go back'); END;
CREATE TRIGGER log_head_is_one_row BEFORE INSERT ON log_head WHEN (SELECT COUNT(*) FROM log_head) > 0
        BEGIN SELECT RAISE(ABORT, 'the log has one head'); END;
CREATE TRIGGER log_head_is_not_deleted BEFORE DELETE ON log_head
        BEGIN SELECT RAISE(ABORT, 'the log keeps its head'); END;
CREATE TRIGGER checkpoints_are_only_added BEFORE INSERT ON checkpoints
        WHEN NEW.size <= (SELECT COALESCE(MAX(size), 0) FROM checkpoints)
        BEGIN SELECT RAISE(ABORT, 'a checkpoint is larger than the last'); END;
CREATE TRIGGER checkpoints_are_not_updated BEFORE UPDATE ON checkpoints
        BEGIN SELECT RAISE(ABORT, 'a checkpoint is never changed'); END;
CREATE TRIGGER checkpoints_are_not_deleted BEFORE DELETE ON checkpoints
        BEGIN SELECT RAISE(ABORT, 'a checkpoint is never deleted'); END;
CREATE TRIGGER published_days_do_not_go_back BEFORE INSERT ON published_days
        WHEN NEW.size < (SELECT COALESCE(MAX(size), 0) FROM published_days)
        BEGIN SELECT RAISE(ABORT, 'what is published does not go back'); END;
CREATE TRIGGER published_days_are_not_made_smaller BEFORE UPDATE ON published_days
        WHEN NEW.day IS NOT OLD.day OR NEW.size < (SELECT MAX(size) FROM published_days)
        BEGIN SELECT RAISE(ABORT, 'what is published does not go back'); END;
CREATE TRIGGER published_days_are_not_deleted BEFORE DELETE ON published_days
        BEGIN SELECT RAISE(ABORT, 'a published day is never deleted'); END;
PRAGMA user_version = 3;
