"""The workspace's own tables. Bodies are Slack's JSON objects; columns repeat only what is asked for in a WHERE."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS channels (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('public', 'private', 'im')),
    topic TEXT NOT NULL DEFAULT '', created INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS archived (channel TEXT PRIMARY KEY REFERENCES channels (id));
CREATE TABLE IF NOT EXISTS members (
    channel TEXT NOT NULL REFERENCES channels (id), user TEXT NOT NULL REFERENCES users (id), PRIMARY KEY (channel, user));
CREATE TABLE IF NOT EXISTS messages (
    channel TEXT NOT NULL REFERENCES channels (id), ts TEXT NOT NULL, thread_ts TEXT, broadcast INTEGER NOT NULL DEFAULT 0,
    author TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (channel, ts));
CREATE INDEX IF NOT EXISTS messages_of_thread ON messages (channel, thread_ts, ts);
CREATE TABLE IF NOT EXISTS streams (
    channel TEXT NOT NULL, ts TEXT NOT NULL, started REAL NOT NULL, open INTEGER NOT NULL DEFAULT 1, PRIMARY KEY (channel, ts));
CREATE TABLE IF NOT EXISTS ephemerals (
    channel TEXT NOT NULL, ts TEXT NOT NULL, user TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (channel, ts));
CREATE TABLE IF NOT EXISTS files (
    id TEXT PRIMARY KEY, user TEXT NOT NULL, ticket TEXT NOT NULL UNIQUE, state TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS file_shares (file TEXT NOT NULL, channel TEXT NOT NULL, PRIMARY KEY (file, channel));
CREATE TABLE IF NOT EXISTS views (
    id TEXT PRIMARY KEY, user TEXT NOT NULL, kind TEXT NOT NULL, position INTEGER NOT NULL, root TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS response_urls (
    secret TEXT PRIMARY KEY, channel TEXT NOT NULL, user TEXT NOT NULL, message_ts TEXT, uses INTEGER NOT NULL DEFAULT 0,
    created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL, event_type TEXT NOT NULL, payload TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '', due REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'acknowledged', 'given_up')),
    created REAL NOT NULL, sent REAL, settled REAL);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (state, due);
"""
