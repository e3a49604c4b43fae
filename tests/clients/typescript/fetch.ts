// How the client that orval generates sends requests: to which server, and signed in as whom.

export const session = { url: "", token: "" };

export async function larderFetch<T>(path: string, options: RequestInit): Promise<T> {
  const headers = new Headers(options.headers);
  if (session.token) headers.set("Authorization", `Bearer ${session.token}`);
  const response = await fetch(session.url + path, { ...options, headers });
  return { status: response.status, data: await response.json(), headers: response.headers } as T;
}
