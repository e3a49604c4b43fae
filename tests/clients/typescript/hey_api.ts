// A program that uses the client that @hey-api/openapi-ts generates for `resources.yml`.

import { deepStrictEqual as equal } from "node:assert";
import * as api from "./generated";
import { type Client, createClient, createConfig } from "./generated/client";

const [url, email, password, owner] = process.argv.slice(2) as [string, string, string, string];

function given<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error("A value is missing");
  return value;
}

async function signIn(address: string): Promise<Client> {
  const visitor = createClient(createConfig({ baseUrl: url }));
  const { data } = await api.login({ client: visitor, body: { email: address, password }, throwOnError: true });
  const token = given(data.data.access_token);
  return createClient(createConfig({ baseUrl: url, auth: ({ scheme }) => (scheme === "bearer" ? token : undefined) }));
}

async function declare(client: Client): Promise<void> {
  const fields: Record<string, api.FieldDeclaration> = {
    title: { type: "string", required: true, max_length: 80 },
    state: { type: "enum", choices: ["open", ""] },
    thing: { type: "reference", to: "things" },
  };
  const made = await api.createResource({ client, body: { name: "notes", fields } });
  equal([made.response?.status, made.data?.data.name], [201, "notes"]);
}

async function write(client: Client): Promise<api.Thing> {
  const parent = given((await api.createThing({ client, body: { name: "parent" } })).data).data;
  const body: api.ThingCreate = {
    ...{ name: "child", note: "", amount: 3, ratio: 0.5, price: "12.50", open: true, day: "2026-01-31", at: "09:30" },
    ...{ moment: "2026-01-31T12:00:00Z", extra: { a: [1, null] }, mail: "ann@example.com", link: "https://example.com" },
    ...{ code: parent.id, labels: ["a", "b"], state: "", parent: parent.id, friends: [parent.id] },
  };
  const child = given((await api.createThing({ client, body })).data).data;
  equal([child.number, child.total, child.moment, child.state], [2, "37.50", "2026-01-31T12:00:00.000000Z", ""]);
  equal([child.extra, child.labels, child.friends, child.open], [{ a: [1, null] }, ["a", "b"], [parent.id], true]);
  return child;
}

async function ask(client: Client): Promise<void> {
  const where: api.ThingWhere = { any: [{ state: "" }, { amount: { gte: 100 } }], "parent.name": "parent" };
  const found = await api.listThings({ client, query: { where: JSON.stringify(where), amount__in: [3, 4] } });
  equal(found.data?.data.map((each) => each.name), ["child"]);
  const sorted = await api.listThings({ client, query: { "parent.name": "parent", sort: ["-number"] } });
  equal([sorted.data?.data.length, sorted.data?.meta.total], [1, 1]);
  const refused = await api.listThings({ client, query: { where: '{"secret": "x"}' } });
  equal(refused.error?.error.code, "VALIDATION_ERROR");
}

async function change(client: Client, thing: api.Thing): Promise<void> {
  const path = { record_id: thing.id };
  const changed = await api.updateThing({ client, path, headers: { "If-Match": '"1"' }, body: { price: null } });
  equal([changed.data?.data.total, changed.data?.data.version], [null, 2]);
  const late = await api.updateThing({ client, path, headers: { "If-Match": '"1"' }, body: { amount: 4 } });
  equal(late.response?.status, 412);
  equal((await api.deleteThing({ client, path, headers: { "If-Match": '"2"' } })).data?.success, true);
  equal((await api.getThing({ client, path })).error?.error.code, "NOT_FOUND");
}

async function main(): Promise<void> {
  await declare(await signIn(owner));
  const client = await signIn(email);
  const thing = await write(client);
  await ask(client);
  await change(client, thing);
}

void main();
