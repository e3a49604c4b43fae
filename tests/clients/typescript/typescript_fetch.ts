// A program that uses the client that openapi-generator (typescript-fetch) generates for `resources.yml`.

import { deepStrictEqual as equal, rejects } from "node:assert";
import * as api from "./generated";

const [url, email, password, owner] = process.argv.slice(2) as [string, string, string, string];

async function signIn(address: string): Promise<api.Configuration> {
  const visitor = new api.AuthApi(new api.Configuration({ basePath: url }));
  const { data } = await visitor.login({ credentials: { email: address, password } });
  return new api.Configuration({ basePath: url, accessToken: data.accessToken ?? "" });
}

function fails(status: number) {
  return (error: unknown) => error instanceof api.ResponseError && error.response.status === status;
}

async function declare(configuration: api.Configuration): Promise<void> {
  const fields: Record<string, api.FieldDeclaration> = {
    title: { type: "string", required: true, maxLength: 80 },
    state: { type: "enum", choices: ["open", ""] },
    thing: { type: "reference", to: "things" },
  };
  const resources = new api.ResourcesApi(configuration);
  const made = await resources.createResource({ definitionCreate: { name: "notes", fields } });
  equal([made.success, made.data.name], [true, "notes"]);
}

async function write(things: api.ThingsApi): Promise<api.Thing> {
  const parent = (await things.createThing({ thingCreate: { name: "parent" } })).data;
  const thingCreate: api.ThingCreate = {
    ...{ name: "child", note: "", amount: 3, ratio: 0.5, price: "12.50", open: true, day: new Date("2026-01-31") },
    ...{ at: "09:30", moment: new Date("2026-01-31T12:00:00Z"), extra: { a: [1, null] }, mail: "ann@example.com" },
    ...{ link: "https://example.com", code: parent.id, labels: ["a", "b"], state: "", parent: parent.id },
    friends: [parent.id],
  };
  const child = (await things.createThing({ thingCreate })).data;
  equal([child.number, child.total, child.state, child.open], [2, "37.50", "", true]);
  equal([child.moment?.toISOString(), child.day?.toISOString().slice(0, 10)], ["2026-01-31T12:00:00.000Z", "2026-01-31"]);
  equal([child.extra, child.labels, child.friends], [{ a: [1, null] }, ["a", "b"], [parent.id]]);
  return child;
}

async function ask(things: api.ThingsApi): Promise<void> {
  // Of `oneOf` and `anyOf` this generator knows only the objects, so a value is compared with `in`.
  const where: api.ThingWhere = { any: [{ state: { _in: ["", "done"] } }, { amount: { _in: [100] } }] };
  const query = { where: JSON.stringify(api.ThingWhereToJSON(where)), amountIn: [3, 4], parentName: "parent" };
  const found = await things.listThings({ ...query, sort: ["-number"] });
  equal([found.data.map((each) => each.name), found.meta.total], [["child"], 1]);
  await rejects(things.listThings({ where: '{"secret": "x"}' }), fails(422));
}

async function change(things: api.ThingsApi, thing: api.Thing): Promise<void> {
  const first = { recordId: thing.id, ifMatch: '"1"' };
  const { data } = await things.updateThing({ ...first, thingUpdate: { price: null } });
  equal([data.total, data.version], [null, 2]);
  await rejects(things.updateThing({ ...first, thingUpdate: { amount: 4 } }), fails(412));
  equal((await things.deleteThing({ recordId: thing.id, ifMatch: '"2"' })).success, true);
  await rejects(things.getThing({ recordId: thing.id }), fails(404));
}

async function main(): Promise<void> {
  await declare(await signIn(owner));
  const things = new api.ThingsApi(await signIn(email));
  const thing = await write(things);
  await ask(things);
  await change(things, thing);
}

void main();
