// A program that uses the types generated for `resources.yml`. It fails if an answer is not the right one.

import { deepStrictEqual as equal } from "node:assert";
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./api.js";

type Schemas = components["schemas"];
type Answer<T> = { data?: T; error?: unknown; response: Response };

const [url, email, password, owner] = process.argv.slice(2) as [string, string, string, string];
// The document says `style: form` of the parameters that are a family, such as `having`.
const querySerializer = { object: { style: "form", explode: true } } as const;

function success<T>(answer: Answer<T>): T {
  if (answer.data === undefined) throw new Error(`${answer.response.status}: ${JSON.stringify(answer.error)}`);
  return answer.data;
}

function given<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error("A value is missing");
  return value;
}

async function signIn(address: string): Promise<Client<paths>> {
  const visitor = createClient<paths>({ baseUrl: url, querySerializer });
  const { data } = success(await visitor.POST("/api/v1/auth/login", { body: { email: address, password } }));
  const headers = { Authorization: `Bearer ${given(data.access_token)}` };
  return createClient<paths>({ baseUrl: url, querySerializer, headers });
}

async function declare(client: Client<paths>): Promise<void> {
  const fields: Record<string, Schemas["FieldDeclaration"]> = {
    title: { type: "string", required: true },
    state: { type: "enum", choices: ["open", ""] },
  };
  equal(success(await client.POST("/api/v1/resources", { body: { name: "notes", fields } })).data.name, "notes");
}

async function write(client: Client<paths>): Promise<[Schemas["Team"], Schemas["Task"]]> {
  const upsert = { query: { upsert: "code" } } as const;
  const body: Schemas["TeamCreate"] = { code: "FR", name: "France" };
  const created = await client.POST("/api/v1/teams", { params: upsert, body });
  const changed = await client.POST("/api/v1/teams", { params: upsert, body: { ...body, name: "La France" } });
  equal([created.response.status, changed.response.status], [201, 200]);
  const team = success(changed).data;
  equal([team.name, team.version], ["La France", 2]);

  const file = "name\nred\nblue\n";
  const headers = { "Content-Type": "text/csv" };
  const uploaded = await client.POST("/api/v1/tags/import", { body: file, bodySerializer: (text) => text, headers });
  equal(success(uploaded).data.created, 2);
  const green = success(await client.POST("/api/v1/tags", { body: { name: "green" } })).data;
  const ann = given(success(await client.GET("/api/v1/directory")).data.find((each) => each.name === "Ann"));

  const task: Schemas["TaskCreate"] = {
    title: "Paint",
    team: team.id,
    assignee: given(ann.id),
    tags: [green.id],
    states: ["urgent"],
    due: "2026-01-31",
    starts: "09:30",
    price: "12.50",
    hours: 3,
  };
  const made = success(await client.POST("/api/v1/tasks", { body: task })).data;
  equal([made.number, made.starts, made.cost, made.tags], [1, "09:30:00", "37.50", [green.id]]);
  success(await client.POST("/api/v1/tasks", { body: { title: "Rest", team: team.id } }));
  return [team, made];
}

async function ask(client: Client<paths>, team: Schemas["Team"]): Promise<void> {
  const where: Schemas["TaskWhere"] = {
    any: [{ hours: { gte: 100 } }, { tags: { some: { name: "GREEN" } } }],
    "team.code": "FR",
    number: { lt: 10 },
    states: { has: "urgent" },
  };
  const query = { where: JSON.stringify(where), expand: ["tags", "assignee"] };
  const found = success(await client.GET("/api/v1/tasks", { params: { query } })).data;
  equal(found.map((each) => each.title), ["Paint"]);
  const related = given(found[0]?.expand);
  equal([given(related.tags).map((tag) => tag.name), related.assignee?.name], [["green"], "Ann"]);

  const declared = success(
    await client.GET("/api/v1/tasks", { params: { query: { "team.code": "FR", sort: ["-number"], fields: ["title"] } } }),
  );
  equal(declared.data, [{ title: "Rest" }, { title: "Paint" }]);
  equal(declared.meta.total, 2);
  const refused = await client.GET("/api/v1/tasks", { params: { query: { where: '{"secret": "x"}' } } });
  equal(refused.error?.error.code, "VALIDATION_ERROR");

  const options = { "expand.tasks.sort": "-number", "expand.tasks.per_page": "1", "expand.tasks.where": '{"hours": 3}' };
  const expanded = await client.GET("/api/v1/teams/{record_id}", {
    params: { path: { record_id: team.id }, query: { expand: ["tasks"], "expand.path.option": options } },
  });
  equal(given(success(expanded).data.expand?.tasks).data.map((each) => each.title), ["Paint"]);

  for (const [bound, count] of [["37.50", 1], ["37.51", 0]] as const) {
    const groups = await client.GET("/api/v1/tasks/aggregate", {
      params: {
        query: {
          group_by: ["team.code", "due:month"],
          sum: ["cost"],
          sort: ["-sum.cost"],
          having: { "sum.cost__gte": bound, count__eq: "1" },
        },
      },
    });
    const group = { "team.code": "FR", "due:month": "2026-01-01", count: 1, sum: { cost: "37.50" } };
    equal(success(groups).data, Array(count).fill(group));
  }
}

async function change(client: Client<paths>, task: Schemas["Task"]): Promise<void> {
  const green = given(task.tags[0]);
  const red = success(await client.POST("/api/v1/tags", { body: { name: "crimson" } })).data.id;
  const path = { record_id: task.id };
  const body = { tags: [red, green], price: null };
  const patched = success(
    await client.PATCH("/api/v1/tasks/{record_id}", { params: { path, header: { "If-Match": '"1"' } }, body }),
  ).data;
  equal([patched.tags, patched.cost, patched.version], [[red, green], null, 2]);
  const changes = { tags: { add: [green], remove: [red] } };
  const again = success(await client.PATCH("/api/v1/tasks/{record_id}", { params: { path }, body: changes })).data;
  equal(again.tags, [green]);
  const current = { path, header: { "If-Match": '"3"' } };
  equal(success(await client.DELETE("/api/v1/tasks/{record_id}", { params: current })).success, true);
  const gone = await client.GET("/api/v1/tasks/{record_id}", { params: { path } });
  equal([gone.response.status, gone.error?.error.code], [404, "NOT_FOUND"]);
}

await declare(await signIn(owner));
const client = await signIn(email);
const [team, task] = await write(client);
await ask(client, team);
await change(client, task);
