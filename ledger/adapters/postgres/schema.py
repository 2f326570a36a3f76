"""The tables of a ledger in PostgreSQL, and the function that appends to them.

Names and columns are those of SQLite (`docs/spec/database.md`); streams are `uuid`, bytes `bytea`. Recorded rows are
for ever: triggers refuse every change of an entry. They guard against accidents and careless tools; who owns the
database can drop them, and the audit finds what was done.
"""

from typing import Final, LiteralString

import psycopg

from ledger.adapters.engine import WrongSchema
from ledger.adapters.postgres.connections import Connection, connect, said
from ledger.adapters.postgres.typed import prepare_types
from ledger.application.ports import StoreUnavailable

SCHEMA_VERSION: Final = 3
CHANNEL: Final[LiteralString] = "testamur_log"  # where a commit is told, with the size of the log
PUBLISHING: Final = 0x7E57_0001  # the advisory lock of who publishes
SAVING: Final = 0x7E57_0003  # of who saves a checkpoint, or what was published
# The entries of the log's own stream but for its statements; spelled as in the index.
LOG_ENTRIES: Final[LiteralString] = "topic IN ('log.started/1', 'log.key_added/1', 'log.key_retired/1')"

TABLES: Final[tuple[LiteralString, ...]] = (
    "CREATE SCHEMA ledger",
    "CREATE TABLE ledger.schema_version(version bigint NOT NULL)",
    """CREATE TABLE ledger.stored_events(
        notification_id bigint PRIMARY KEY CHECK(notification_id >= 1),
        originator_id uuid NOT NULL,
        originator_version bigint NOT NULL CHECK(originator_version >= 0),
        topic text COLLATE "C" NOT NULL,
        state bytea NOT NULL,
        UNIQUE(originator_id, originator_version))""",
    # One row, changed by every commit: room on its page lets it be rewritten there, without touching an index.
    'CREATE TABLE ledger.log_head(size bigint NOT NULL, at text COLLATE "C" NOT NULL) WITH (fillfactor = 10)',
    "CREATE UNIQUE INDEX log_head_is_one_row ON ledger.log_head((true))",
    """CREATE TABLE ledger.private_parts(
        position bigint NOT NULL, part text COLLATE "C" NOT NULL, key_id bytea NOT NULL, box bytea NOT NULL,
        PRIMARY KEY(position, part))""",
    """CREATE TABLE ledger.idempotency(
        scope text COLLATE "C" NOT NULL, key bytea NOT NULL, request bytea NOT NULL,
        stream uuid NOT NULL, revision bigint NOT NULL, position bigint NOT NULL,
        PRIMARY KEY(scope, key))""",
    "CREATE TABLE ledger.definitions(digest bytea PRIMARY KEY, content bytea NOT NULL)",
    """CREATE TABLE ledger.names(
        scope text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL, stream uuid NOT NULL,
        PRIMARY KEY(scope, name))""",
    "CREATE TABLE ledger.status_lists(list bytea PRIMARY KEY, issuer uuid NOT NULL, used bigint NOT NULL)",
    "CREATE INDEX status_lists_by_issuer ON ledger.status_lists(issuer)",
    """CREATE TABLE ledger.status_slots(
        list bytea NOT NULL, slot bigint NOT NULL, stream uuid NOT NULL, seq bigint NOT NULL,
        PRIMARY KEY(list, slot))""",
    "CREATE TABLE ledger.short_codes(mac bytea PRIMARY KEY, stream uuid NOT NULL)",
    "CREATE TABLE ledger.stacks(mac bytea PRIMARY KEY, stream uuid NOT NULL)",
    """CREATE TABLE ledger.checkpoints(
        size bigint PRIMARY KEY, note bytea NOT NULL, compact_range bytea NOT NULL)""",
    """CREATE TABLE ledger.api_keys(
        id text COLLATE "C" PRIMARY KEY, secret bytea NOT NULL UNIQUE, issuer uuid, scopes text NOT NULL,
        label text NOT NULL, created_at text COLLATE "C" NOT NULL, revoked_at text COLLATE "C")""",
    # By size first, and so copied: after a clock was set back, days and sizes need not grow together.
    """CREATE TABLE ledger.published_days(
        size bigint NOT NULL, day text COLLATE "C" PRIMARY KEY, note bytea NOT NULL)""",
    """CREATE TABLE ledger.status_credentials(
        list bytea NOT NULL, made_at text COLLATE "C" NOT NULL, size bigint NOT NULL, raw bytea NOT NULL,
        PRIMARY KEY(list, made_at))""",
    "CREATE INDEX published_days_by_size ON ledger.published_days(size, day)",
    f"CREATE INDEX log_entries ON ledger.stored_events(notification_id) WHERE {LOG_ENTRIES}",
    # What is encrypted or hashed is not compressed: not trying saves time.
    "ALTER TABLE ledger.private_parts ALTER COLUMN box SET STORAGE EXTERNAL",
    "ALTER TABLE ledger.stored_events ALTER COLUMN state SET STORAGE EXTERNAL",
)

_REFUSE: Final = """CREATE FUNCTION ledger.refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation'; END $$"""

TRIGGERS: Final[tuple[LiteralString, ...]] = (
    """CREATE TRIGGER stored_events_are_not_updated BEFORE UPDATE ON ledger.stored_events
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse('an entry is never changed')""",
    """CREATE TRIGGER stored_events_are_not_deleted BEFORE DELETE ON ledger.stored_events
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse('an entry is never deleted')""",
    """CREATE TRIGGER stored_events_are_not_truncated BEFORE TRUNCATE ON ledger.stored_events
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse('an entry is never deleted')""",
    """CREATE TRIGGER stored_events_only_at_the_head AFTER INSERT ON ledger.stored_events
        REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger.only_at_the_head()""",
    """CREATE TRIGGER log_head_does_not_go_back BEFORE UPDATE ON ledger.log_head
        FOR EACH ROW WHEN (NEW.size < OLD.size OR NEW.at < OLD.at)
        EXECUTE FUNCTION ledger.refuse('the log does not go back')""",
    """CREATE TRIGGER log_head_is_not_deleted BEFORE DELETE ON ledger.log_head
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse('the log keeps its head')""",
    """CREATE TRIGGER log_head_is_not_truncated BEFORE TRUNCATE ON ledger.log_head
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse('the log keeps its head')""",
    """CREATE TRIGGER checkpoints_are_only_added AFTER INSERT ON ledger.checkpoints
        REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger.only_larger()""",
    """CREATE TRIGGER checkpoints_are_not_updated BEFORE UPDATE ON ledger.checkpoints
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse('a checkpoint is never changed')""",
    """CREATE TRIGGER checkpoints_are_not_deleted BEFORE DELETE ON ledger.checkpoints
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse('a checkpoint is never deleted')""",
    """CREATE TRIGGER checkpoints_are_not_truncated BEFORE TRUNCATE ON ledger.checkpoints
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse('a checkpoint is never deleted')""",
    """CREATE TRIGGER published_days_do_not_go_back BEFORE INSERT OR UPDATE ON ledger.published_days
        FOR EACH ROW EXECUTE FUNCTION ledger.only_later()""",
    """CREATE TRIGGER published_days_are_not_deleted BEFORE DELETE ON ledger.published_days
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse('a published day is never deleted')""",
    """CREATE TRIGGER published_days_are_not_truncated BEFORE TRUNCATE ON ledger.published_days
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse('a published day is never deleted')""",
    """CREATE TRIGGER status_credentials_are_only_added BEFORE INSERT ON ledger.status_credentials
        FOR EACH ROW EXECUTE FUNCTION ledger.only_newer()""",
    """CREATE TRIGGER status_credentials_are_not_updated BEFORE UPDATE ON ledger.status_credentials
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse('a signed status list is never changed')""",
    """CREATE TRIGGER status_credentials_are_not_deleted BEFORE DELETE ON ledger.status_credentials
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse('a signed status list is never deleted')""",
    """CREATE TRIGGER status_credentials_are_not_truncated BEFORE TRUNCATE ON ledger.status_credentials
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse('a signed status list is never deleted')""",
)

# Dense: as many as were added, ending at the last there is, which is the head moved by as many (the append function
# moves the head first). The index answers MAX at once, however long the log is.
_AT_HEAD: Final = """CREATE FUNCTION ledger.only_at_the_head() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE size bigint; low bigint; high bigint; count bigint;
BEGIN
    SELECT h.size INTO size FROM ledger.log_head h;
    SELECT MIN(notification_id), MAX(notification_id), COUNT(*) INTO low, high, count FROM added;
    IF count > 0 AND (high <> size OR high - low + 1 <> count
            OR low <> COALESCE((SELECT MAX(e.notification_id) FROM ledger.stored_events e
                                WHERE e.notification_id < low), 0) + 1) THEN
        RAISE EXCEPTION 'an entry is appended at the head of the log' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$"""
_LARGER: Final = """CREATE FUNCTION ledger.only_larger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT COUNT(*) FROM added) > 1 OR EXISTS (SELECT 1 FROM added a WHERE EXISTS (
            SELECT 1 FROM ledger.checkpoints c WHERE c.size > a.size)) THEN
        RAISE EXCEPTION 'a checkpoint is larger than the last' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$"""

_LATER: Final = """CREATE FUNCTION ledger.only_later() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.size < COALESCE((SELECT MAX(d.size) FROM ledger.published_days d), 0)
            OR (TG_OP = 'UPDATE' AND NEW.day <> OLD.day) THEN
        RAISE EXCEPTION 'what is published does not go back' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$"""

_NEWER: Final = """CREATE FUNCTION ledger.only_newer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM (SELECT c.made_at, c.size FROM ledger.status_credentials c
            WHERE c.list = NEW.list ORDER BY c.made_at DESC LIMIT 1) AS last
            WHERE last.made_at >= NEW.made_at OR last.size > NEW.size) THEN
        RAISE EXCEPTION 'a signed status list follows the last' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$"""

# The whole of a commit in one call. Answers the position before the first that was given; or, with nothing done, why:
# a word for what differs from what the batch supposes. At READ COMMITTED each statement sees what was committed before
# it began, so all that follows the lock sees what the lock protects.
APPEND: Final = """CREATE FUNCTION ledger.append(
    seen bigint, earliest text, latest text,
    touched uuid[], ends bigint[],
    claimed_lists bytea[], claimed_issuers uuid[], list_uses bigint[], most_used bigint,
    event_streams uuid[], event_seqs bigint[], event_types text[], entries bytea[],
    part_events bigint[], part_names text[], part_key_ids bytea[], part_boxes bytea[],
    digests bytea[], contents bytea[],
    name_scopes text[], name_names text[], name_streams uuid[],
    slot_lists bytea[], slot_slots bigint[], slot_streams uuid[], slot_seqs bigint[],
    stack_macs bytea[], stack_streams uuid[], code_macs bytea[], code_streams uuid[],
    key_scopes text[], key_keys bytea[], key_requests bytea[],
    key_streams uuid[], key_revisions bigint[], key_events bigint[],
    OUT base bigint, OUT differs text)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE head_at text;
BEGIN
    SELECT h.size, h.at INTO STRICT base, head_at FROM ledger.log_head h FOR UPDATE;
    IF base < seen THEN
        differs := 'tail';
    ELSIF earliest::timestamptz < head_at::timestamptz - interval '60 seconds' THEN
        differs := 'time';
    ELSIF EXISTS (SELECT 1 FROM unnest(touched, ends) AS t(stream, seq) WHERE t.seq <> COALESCE(
            (SELECT MAX(e.originator_version) FROM ledger.stored_events e WHERE e.originator_id = t.stream), -1)) THEN
        differs := 'stream';
    ELSIF EXISTS (SELECT 1 FROM unnest(claimed_lists, claimed_issuers) AS n(list, issuer)
            WHERE NOT EXISTS (SELECT 1 FROM ledger.status_lists l WHERE l.list = n.list)
            AND EXISTS (SELECT 1 FROM ledger.status_lists l WHERE l.issuer = n.issuer AND l.used < most_used)) THEN
        differs := 'list';
    END IF;
    IF differs IS NOT NULL THEN
        RETURN;
    END IF;
    UPDATE ledger.log_head SET size = base + cardinality(entries), at = GREATEST(head_at, latest COLLATE "C");
    INSERT INTO ledger.stored_events
        SELECT base + t.n, t.stream, t.seq, t.type, t.entry
        FROM unnest(event_streams, event_seqs, event_types, entries) WITH ORDINALITY AS t(stream, seq, type, entry, n);
    IF cardinality(part_events) > 0 THEN
        INSERT INTO ledger.private_parts
            SELECT base + t.event, t.part, t.key_id, t.box
            FROM unnest(part_events, part_names, part_key_ids, part_boxes) AS t(event, part, key_id, box);
    END IF;
    IF cardinality(digests) > 0 THEN
        INSERT INTO ledger.definitions SELECT * FROM unnest(digests, contents) ON CONFLICT DO NOTHING;
    END IF;
    IF cardinality(name_names) > 0 THEN
        INSERT INTO ledger.names SELECT * FROM unnest(name_scopes, name_names, name_streams);
    END IF;
    IF cardinality(claimed_lists) > 0 THEN
        INSERT INTO ledger.status_lists SELECT * FROM unnest(claimed_lists, claimed_issuers, list_uses)
            ON CONFLICT (list) DO UPDATE SET used = ledger.status_lists.used + excluded.used;
        INSERT INTO ledger.status_slots SELECT * FROM unnest(slot_lists, slot_slots, slot_streams, slot_seqs);
    END IF;
    IF cardinality(stack_macs) > 0 THEN
        INSERT INTO ledger.stacks SELECT * FROM unnest(stack_macs, stack_streams);
    END IF;
    IF cardinality(code_macs) > 0 THEN
        INSERT INTO ledger.short_codes SELECT * FROM unnest(code_macs, code_streams);
    END IF;
    IF cardinality(key_keys) > 0 THEN
        INSERT INTO ledger.idempotency
            SELECT t.scope, t.key, t.request, t.stream, t.revision, base + t.event
            FROM unnest(key_scopes, key_keys, key_requests, key_streams, key_revisions, key_events)
                AS t(scope, key, request, stream, revision, event);
    END IF;
    PERFORM pg_notify('testamur_log', (base + cardinality(entries))::text);
END $$"""

STATEMENTS: Final[tuple[LiteralString, ...]] = (*TABLES, _REFUSE, _AT_HEAD, _LARGER, _LATER, _NEWER, *TRIGGERS, APPEND)
ONE_AT_A_TIME: Final = 0x7E57_0002  # the advisory lock of who makes or changes the schema


def create(connection: Connection) -> None:
    """Make an empty ledger, whole or not at all.

    Raises:
        WrongSchema: there is one already.
        StoreUnavailable: the server refused, or is gone.
    """
    try:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (ONE_AT_A_TIME,))
            if connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = 'ledger'").fetchone():
                raise WrongSchema("the database already holds a ledger")
            for statement in STATEMENTS:
                connection.execute(statement)
            connection.execute("INSERT INTO ledger.log_head VALUES (0, '1970-01-01T00:00:00.000Z')")
            connection.execute("INSERT INTO ledger.schema_version VALUES (%s)", (SCHEMA_VERSION,))
    except psycopg.Error as error:
        raise StoreUnavailable(f"no ledger can be made in the database: {said(error)}") from error


def connect_to_ledger(url: str, *, name: str) -> Connection:
    """A connection to a ledger of the version that this program works with, as `connect`.

    Raises:
        StoreUnavailable, UnsafeDatabase, WrongSchema.
    """
    connection = connect(url, name=name)
    try:
        prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(connection: Connection) -> None:
    """Make a new connection fit for the ledger, or refuse it.

    Raises:
        WrongSchema, StoreUnavailable.
    """
    prepare_types(connection)
    check(connection)


def check(connection: Connection) -> None:
    """Pass if the database holds a ledger of the version that this program works with.

    Raises:
        WrongSchema, StoreUnavailable.
    """
    try:
        row = connection.execute("SELECT MAX(version) FROM ledger.schema_version").fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
        raise WrongSchema("the database holds no ledger") from error
    except psycopg.Error as error:
        raise StoreUnavailable(f"the store cannot be read: {said(error)}") from error
    version = None if row is None else row[0]
    if version != SCHEMA_VERSION:
        older = isinstance(version, int) and version < SCHEMA_VERSION
        remedy = "stop every server, then run `testamur migrate`" if older else "install the newer program"
        raise WrongSchema(
            f"the database has schema version {version}, this program works with {SCHEMA_VERSION}: {remedy}"
        )
