// A program that uses the client that orval generates for `resources.yml`.

import { deepStrictEqual as equal } from "node:assert";
import { session } from "./fetch";
import * as api from "./generated";

const [url, email, password, owner] = process.argv.slice(2) as [string, string, string, string];

async function signIn(address: string): Promise<void> {
  Object.assign(session, { url, token: "" });
  const answer = await api.login({ email: address, password });
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.data));
  session.token = answer.data.data.access_token ?? "";
}

async function create(body: api.ThingCreate): Promise<api.Thing> {
  const made = await api.createThing(body);
  if (made.status !== 201) throw new Error(JSON.stringify(made.data));
  return made.data.data;
}

async function declare(): Promise<void> {
  const fields: Record<string, api.FieldDeclaration> = {
    title: { type: "string", required: true, max_length: 80 },
    state: { type: "enum", choices: ["open", ""] },
    thing: { type: "reference", to: "things" },
  };
  const made = await api.createResource({ name: "notes", fields });
  equal([made.status, made.status === 201 && made.data.data.name], [201, "notes"]);
}

async function write(): Promise<api.Thing> {
  const parent = await create({ name: "parent" });
  const child = await create({
    ...{ name: "child", note: "", amount: 3, ratio: 0.5, price: "12.50", open: true, day: "2026-01-31", at: "09:30" },
    ...{ moment: "2026-01-31T12:00:00Z", extra: { a: [1, null] }, mail: "ann@example.com", link: "https://example.com" },
    ...{ code: parent.id, labels: ["a", "b"], state: "", parent: parent.id, friends: [parent.id] },
  });
  equal([child.number, child.total, child.moment, child.state], [2, "37.50", "2026-01-31T12:00:00.000000Z", ""]);
  equal([child.extra, child.labels, child.friends, child.open], [{ a: [1, null] }, ["a", "b"], [parent.id], true]);
  return child;
}

async function ask(): Promise<void> {
  const where: api.ThingWhere = { any: [{ state: "" }, { amount: { gte: 100 } }], "parent.name": "parent" };
  const found = await api.listThings({ where: JSON.stringify(where), amount__in: [3, 4], sort: ["-number"] });
  if (found.status !== 200) throw new Error(JSON.stringify(found.data));
  equal([found.data.data.map((each) => each.name), found.data.meta.total], [["child"], 1]);
  const refused = await api.listThings({ where: '{"secret": "x"}' });
  equal(refused.status === 422 && refused.data.error.code, "VALIDATION_ERROR");
}

async function change(thing: api.Thing): Promise<void> {
  const first = { headers: { "If-Match": '"1"' } };
  const changed = await api.updateThing(thing.id, { price: null }, first);
  equal(changed.status === 200 && [changed.data.data.total, changed.data.data.version], [null, 2]);
  equal((await api.updateThing(thing.id, { amount: 4 }, first)).status, 412);
  equal((await api.deleteThing(thing.id, { headers: { "If-Match": '"2"' } })).status, 200);
  equal((await api.getThing(thing.id)).status, 404);
}

async function main(): Promise<void> {
  await signIn(owner);
  await declare();
  await signIn(email);
  const thing = await write();
  await ask();
  await change(thing);
}

void main();
