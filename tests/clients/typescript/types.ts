// A program with no generator: it uses fetch, and the types that `/api/v1/client.ts` has for `resources.yml`.

import { deepStrictEqual as equal } from "node:assert";
import type { Answer, Create, Failure, Page, Query, Resource, Row, Schemas, Sort, Update, Where } from "./larder";

const [url, email, password, owner] = process.argv.slice(2) as [string, string, string, string];

class Larder {
  constructor(private readonly token?: string) {}

  static async signIn(address: string): Promise<Larder> {
    const credentials: Schemas["Credentials"] = { email: address, password };
    const { data } = await new Larder().send<Answer<Schemas["Tokens"]>>("POST", "auth/login", credentials);
    return new Larder(data.access_token ?? "");
  }

  async send<T>(method: string, path: string, body?: object, version?: number): Promise<T> {
    const headers = new Headers({ "Content-Type": "application/json" });
    if (this.token) headers.set("Authorization", `Bearer ${this.token}`);
    if (version) headers.set("If-Match", `"${version}"`);
    const answer = await fetch(`${url}/api/v1/${path}`, { method, headers, body: body ? JSON.stringify(body) : null });
    if (!answer.ok) throw new Error(((await answer.json()) as Failure).error.code);
    return (await answer.json()) as T;
  }

  list<R extends Resource>(resource: R, query: Query<R>): Promise<Page<Row<R>>> {
    const parameters = Object.entries(query).map(([name, value]) => [name, String(value)] as [string, string]);
    return this.send("GET", `${resource}?${new URLSearchParams(parameters)}`);
  }

  async create<R extends Resource>(resource: R, body: Create<R>): Promise<Row<R>> {
    return (await this.send<Answer<Row<R>>>("POST", resource, body)).data;
  }

  async update<R extends Resource>(resource: R, id: string, body: Update<R>, version?: number): Promise<Row<R>> {
    return (await this.send<Answer<Row<R>>>("PATCH", `${resource}/${id}`, body, version)).data;
  }
}

async function write(larder: Larder): Promise<Row<"things">> {
  const parent = await larder.create("things", { name: "parent" });
  const child = await larder.create("things", {
    ...{ name: "child", note: "", amount: 3, ratio: 0.5, price: "12.50", open: true, day: "2026-01-31", at: "09:30" },
    ...{ moment: "2026-01-31T12:00:00Z", extra: { a: [1, null] }, mail: "ann@example.com", link: "https://example.com" },
    ...{ code: parent.id, labels: ["a", "b"], state: "", parent: parent.id, friends: [parent.id] },
  });
  equal([child.number, child.total, child.moment, child.state], [2, "37.50", "2026-01-31T12:00:00.000000Z", ""]);
  return child;
}

async function ask(larder: Larder): Promise<void> {
  const where: Where<"things"> = { any: [{ state: "" }, { amount: { gte: 100 } }], "parent.name": "parent" };
  const sort: Sort<"things">[] = ["-number", "name"];
  const query = { where: JSON.stringify(where), amount__in: [3, 4], sort, expand: ["parent"], page: 1 };
  const { data, meta } = await larder.list("things", query);
  equal([data.map((each) => each.expand?.parent?.name), meta.total], [["parent"], 1]);
}

async function change(larder: Larder, thing: Row<"things">): Promise<void> {
  const changed = await larder.update("things", thing.id, { price: null, friends: { add: [thing.id] } }, 1);
  equal([changed.total, changed.version, changed.friends.includes(thing.id)], [null, 2, true]);
  const late = await larder.update("things", thing.id, { amount: 4 }, 1).catch(String);
  equal(late, "Error: PRECONDITION_FAILED");
  equal((await larder.send<Answer<null>>("DELETE", `things/${thing.id}`)).success, true);
}

// Each of these must not compile: a misspelt name or value, what only the server sets, and what this caller cannot see.
export function mistakes(larder: Larder, thing: Row<"things">): unknown[] {
  return [
    // @ts-expect-error
    () => larder.create("thing", { name: "x" }),
    // @ts-expect-error
    () => larder.create("things", { nam: "x" }),
    // @ts-expect-error
    () => larder.create("things", { amount: 1 }),
    // @ts-expect-error
    () => larder.create("things", { name: "x", state: "neu" }),
    // @ts-expect-error
    () => larder.create("things", { name: "x", number: 7 }),
    // @ts-expect-error
    () => larder.create("things", { name: "x", amount: "3" }),
    // @ts-expect-error
    () => larder.update("things", thing.id, { name: null }),
    // @ts-expect-error
    () => larder.list("things", { amount__gret: 3 }),
    // @ts-expect-error
    () => larder.list("things", { sort: ["-nmber"] }),
    // @ts-expect-error
    (): Where<"things"> => ({ amount: { gret: 3 } }),
    // @ts-expect-error
    (): Where<"things"> => ({ secret: "x" }),
    // @ts-expect-error
    thing.secret,
    // @ts-expect-error
    thing.expand?.mother,
  ];
}

async function main(): Promise<void> {
  const fields = { title: { type: "string" } };
  const admin = await Larder.signIn(owner);
  equal((await admin.send<{ success: boolean }>("POST", "resources", { name: "notes", fields })).success, true);
  const larder = await Larder.signIn(email);
  const thing = await write(larder);
  await ask(larder);
  await change(larder, thing);
}

void main();
