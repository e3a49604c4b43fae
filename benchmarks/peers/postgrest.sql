-- The schema of PostgREST: the tables, indexes and rights of Larder's resources.
CREATE ROLE anonymous NOLOGIN;
CREATE ROLE member NOLOGIN;

CREATE TABLE categories (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL UNIQUE);

CREATE FUNCTION caller() RETURNS text LANGUAGE sql STABLE AS
    $$ SELECT current_setting('request.jwt.claims', true)::json ->> 'sub' $$;

CREATE TABLE notes (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    title text NOT NULL CHECK (length(title) <= 255),
    body text,
    priority bigint,
    done boolean,
    category uuid REFERENCES categories,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    created_by text DEFAULT caller(),
    version bigint NOT NULL DEFAULT 1
);
CREATE INDEX ON notes (priority);
CREATE INDEX ON notes (category);
CREATE INDEX ON notes (created_at);
CREATE INDEX ON notes (updated_at);
CREATE TABLE drafts (LIKE notes INCLUDING ALL, FOREIGN KEY (category) REFERENCES categories);
CREATE TABLE articles (LIKE notes INCLUDING ALL, FOREIGN KEY (category) REFERENCES categories);
ALTER TABLE articles ADD words tsvector
    GENERATED ALWAYS AS (to_tsvector('simple', title || ' ' || coalesce(body, ''))) STORED;
CREATE INDEX ON articles USING gin (words);

CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    NEW.version := OLD.version + 1;
    RETURN NEW;
END $$;
CREATE TRIGGER stamp BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION stamp();

GRANT SELECT ON ALL TABLES IN SCHEMA public TO anonymous, member;
GRANT INSERT, UPDATE ON notes, drafts, articles TO member;
